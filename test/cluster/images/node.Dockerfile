# Stands in for the public Node image that the product's images are shipped on: the same program in the same place.
ARG BASE
FROM ${BASE}
COPY node /usr/local/bin/node
