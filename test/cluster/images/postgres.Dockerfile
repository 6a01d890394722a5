# PostgreSQL for tests (without just-in-time compilation, which is half of its size): no root, read-only root possible, data on a volume at /data, sockets and scratch at /tmp.
ARG BASE
FROM ${BASE}
RUN apt-get update \
  && mkdir -p /etc/postgresql-common/createcluster.d \
  && apt-get install -y --no-install-recommends postgresql-common \
  && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/none.conf \
  && apt-get install -y --no-install-recommends postgresql-15 \
  && rm -rf /var/lib/apt/lists/* /usr/share/doc /usr/share/man /usr/lib/postgresql/15/lib/bitcode \
  && rm -f /usr/lib/postgresql/15/lib/llvmjit* /usr/lib/*/libLLVM* /usr/lib/*/libz3.so* \
  && echo 'postgres-pod:x:65532:65532::/tmp:/usr/sbin/nologin' >> /etc/passwd \
  && echo 'postgres-pod:x:65532:' >> /etc/group \
  && mkdir /data && chown 65532:65532 /data
COPY postgres-entrypoint.sh /usr/local/bin/postgres-entrypoint
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
USER 65532:65532
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres-entrypoint"]
