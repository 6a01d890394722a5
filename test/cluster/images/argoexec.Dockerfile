FROM scratch
COPY argoexec /bin/argoexec
COPY nsswitch.conf /etc/nsswitch.conf
COPY tmp /tmp
ENV PATH=/bin
ENTRYPOINT ["argoexec"]
