ARG BASE
FROM ${BASE}
RUN apt-get update \
  && apt-get install -y --no-install-recommends zstd \
  && rm -rf /var/lib/apt/lists/*
USER 65532:65532
ENTRYPOINT ["zstd", "--version"]
