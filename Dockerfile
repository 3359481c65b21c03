# One image, all services: `docker run IMAGE master --help`. Built once; the service is the first argument.
#
# Without an image registry, deploy/base-images.sh makes the base images from Debian's packages under the same names. Where
# npm needs a configuration or a certificate of its own, they are given as build secrets and stay out of the image:
#   docker build --secret id=npmrc,src=$HOME/.npmrc --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt .

ARG NODE_IMAGE=node:20-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /meseta
COPY package.json package-lock.json ./
COPY packages packages
COPY services services
COPY examples examples
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca,target=/run/ca.crt \
    if [ -s /run/ca.crt ]; then export NODE_EXTRA_CA_CERTS=/run/ca.crt; fi && npm ci --no-fund --no-audit
COPY protos protos
COPY tsconfig.base.json tsconfig.json buf.gen.yaml ./
# What is in the image, for those who must know (SPDX).
RUN npm sbom --sbom-format spdx --omit dev --package-lock-only > sbom.spdx.json
RUN npx buf generate protos && npx tsc -b services/master services/agent services/allocator services/registry packages/cli
COPY deploy/slim.sh deploy/slim.sh
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca,target=/run/ca.crt \
    if [ -s /run/ca.crt ]; then export NODE_EXTRA_CA_CERTS=/run/ca.crt; fi \
 && npm prune --omit=dev --no-fund --no-audit && deploy/slim.sh && rm -rf deploy examples

# Node alone: npm, headers and debugging symbols are of no use to a service.
FROM ${NODE_IMAGE} AS node
RUN cp "$(command -v node)" /node \
 && { { apt-get update && apt-get install -y --no-install-recommends binutils; } >/dev/null 2>&1 && strip /node \
      || echo 'no strip from the package mirror: the image is 12 MB larger'; } \
 && /node --version

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Meseta" \
      org.opencontainers.image.description="A cluster manager: master, agent, allocator and registry." \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
COPY --from=node /node /usr/local/bin/node
COPY --from=build /meseta /meseta
COPY bin /meseta/bin
RUN ln -s /meseta/bin/meseta /usr/local/bin/meseta && groupadd -g 10001 meseta && useradd -M -u 10001 -g meseta meseta
# Master, allocator and registry need no rights. An agent that isolates tasks is run with --user root, by its operator's choice.
# A number, which Kubernetes can tell from root.
USER 10001
HEALTHCHECK --interval=5s --timeout=3s CMD ["node", "/meseta/bin/healthcheck"]
ENTRYPOINT ["node", "/meseta/bin/service"]
