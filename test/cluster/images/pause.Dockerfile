FROM scratch
COPY catatonit /pause
ENTRYPOINT ["/pause", "-P"]
