# Prometheus from Debian's packages, for places without an image registry; elsewhere use Prometheus's own image.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["prometheus"]
