# etcd from Debian's packages, for places without an image registry; elsewhere use etcd's own image.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends etcd-server etcd-client && rm -rf /var/lib/apt/lists/*
HEALTHCHECK --interval=5s --timeout=3s CMD ["etcdctl", "endpoint", "health"]
ENV ETCDCTL_API=3
CMD ["etcd"]
