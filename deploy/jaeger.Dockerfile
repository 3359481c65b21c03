# Jaeger from a program that test/tools/go-tools.sh built, for places without an image registry; elsewhere use Jaeger's own image.
FROM debian:bookworm-slim
COPY jaeger /usr/local/bin/jaeger
ENTRYPOINT ["jaeger"]
