# The bundle with the client programs of the engines and rclone. Build context: build/ (npm run build).
#
# BASE as in plain.Dockerfile: node:24-bookworm-slim pinned by digest when shipped, a local Debian bookworm in the e2e lane.
# CLIENTS are Debian packages; each major lands in /usr/lib/postgresql/<major>/bin, and a step takes the oldest one that
# is not older than the server.
#   e2e lane: 15, from Debian bookworm (servers 12 to 15).
#   shipped:  15, 17 and 18 (servers 12 to 18), on a base whose apt knows the PostgreSQL project's packages:
#             --build-arg CLIENTS="postgresql-client-15 postgresql-client-17 postgresql-client-18"
#
# Size on the base of the e2e lane: 390 MB unpacked (Debian 121, Node 127, client programs 136, the bundle 6), 143 MB
# compressed.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}
ARG CLIENTS=postgresql-client-15
# setpriv of util-linux: a client program dies with the step that started it. Licence texts stay.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ${CLIENTS} rclone zstd ca-certificates util-linux \
  && find /usr/share/doc -type f ! -name copyright -delete \
  && rm -rf /var/lib/apt/lists/* /usr/share/man
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lc2-backup tool" \
      org.opencontainers.image.description="Steps of LC2 Backup with PostgreSQL client programs, rclone and zstd" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY app /app
ENV NODE_ENV=production
# Nothing is written outside /tmp, which is a volume, and no shell is started: the root file system may be read-only.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["node", "/app/main.mjs"]
