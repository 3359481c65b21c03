# Every target that a person types carries `## text`; `make help` prints them.

SHELL := /bin/bash
BIN := node_modules/.bin
# buf finds its plugin there.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## print this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{ printf "  %-18s %s\n", $$1, $$2 }'

node_modules/.package-lock.json: package.json package-lock.json $(wildcard packages/*/package.json services/*/package.json examples/*/package.json deploy/observability/*/package.json)
	npm ci --no-fund --no-audit
	@touch $@

.PHONY: install
install: node_modules/.package-lock.json ## install what package-lock.json names

packages/protocol/src/gen/.stamp: $(shell find protos -name '*.proto') buf.gen.yaml packages/protocol/tools/protoc-gen-descriptors.js node_modules/.package-lock.json
	$(BIN)/buf generate protos
	@touch $@

.PHONY: generate
generate: packages/protocol/src/gen/.stamp ## generate TypeScript from protos/

.PHONY: build
build: generate ## compile everything to dist/
	$(BIN)/tsc -b

.PHONY: demo
demo: build ## run a real computation on a cluster of this machine, check it, exit
	node examples/word-count/dist/main.js

.PHONY: up
up: build ## keep a cluster on this machine (work directory .meseta/, ctrl-C stops it)
	node bin/meseta up --agents $(or $(AGENTS),1)

.PHONY: check
check: check-format check-protos check-types check-lint check-arrows check-docs check-dashboards ## everything a machine can say without running the code

.PHONY: check-format
check-format: install
	$(BIN)/prettier --check --log-level warn .

.PHONY: check-protos
check-protos: install
	$(BIN)/buf lint protos
	@if git rev-parse -q --verify origin/main >/dev/null; then against='.git#branch=origin/main,subdir=protos'; else against='.git#ref=HEAD,subdir=protos'; fi; \
	  $(BIN)/buf breaking protos --against "$$against"

.PHONY: check-types
check-types: build
	$(BIN)/tsc -p tsconfig.check.json

.PHONY: check-lint
check-lint: generate
	$(BIN)/eslint packages services examples test deploy/observability

.PHONY: check-arrows
check-arrows: generate
	$(BIN)/depcruise packages services examples

.PHONY: check-docs
check-docs: build
	node docs/tools/generate.js --check
	node deploy/helm/tools/readme.js --check

.PHONY: docs
docs: build ## print what documentation is generated from code
	node docs/tools/generate.js

.PHONY: dashboards
dashboards: build-dashboards ## write the dashboards of Grafana from their code
	node deploy/observability/dashboards/dist/main.js

.PHONY: check-dashboards
check-dashboards: build-dashboards
	node deploy/observability/dashboards/dist/main.js --check

.PHONY: build-dashboards
build-dashboards: install
	$(BIN)/tsc -b deploy/observability/dashboards

.PHONY: format
format: install ## format every file
	$(BIN)/prettier --write --log-level warn .

.PHONY: test
test: build ## set up what tests need, and run every test
	test/tools/with-tools.sh $(BIN)/jest $(JEST_ARGS)

.PHONY: unit
unit: generate ## run the tests beside the code that need no other program
	$(BIN)/jest --testPathIgnorePatterns test/ etcd.test docker.test networks.test $(JEST_ARGS)

.PHONY: integration
integration: build ## run the tests of several services
	test/tools/with-tools.sh $(BIN)/jest test $(JEST_ARGS)

.PHONY: trace
trace: build ## launch one task on a cluster of this machine, and print its trace
	@node docs/tools/trace.js

.PHONY: simulate
simulate: build ## run the simulated cluster: SEED=n for one run, RUNS=n for many; the first broken promise is told and kept
	@SEED=$(SEED) RUNS=$(RUNS) node packages/testing/dist/simulate.js

.PHONY: bench
bench: build ## measure offers, launches and memory through the whole stack, and what starting a container costs
	node test/bench/stack/dist/main.js
	node test/bench/agent/dist/main.js

.PHONY: bench-allocator
bench-allocator: build ## measure the allocator alone, in process and through its stream
	node --expose-gc test/bench/allocator/dist/main.js

.PHONY: clients
clients: build ## run the clients in Python, Go and Java on one cluster, and check their tasks
	node examples/clients/run-all.js

.PHONY: base-images
base-images: ## build the base images from Debian packages, without an image registry
	deploy/base-images.sh

.PHONY: images
images: ## build the image of all services from local base images
	deploy/images.sh

.PHONY: compose
compose: ## deploy with Compose from local images, smoke test, take down
	deploy/compose/smoke.sh

.PHONY: kubernetes
kubernetes: ## deploy the Helm chart on a Kubernetes, smoke test, take down
	deploy/helm/smoke.sh

.PHONY: clean
clean: ## remove what was built
	rm -rf packages/*/dist services/*/dist examples/*/dist test/bench/*/dist deploy/observability/dashboards/dist packages/protocol/src/gen
	find packages services examples deploy -name '*.tsbuildinfo' -not -path '*/node_modules/*' -delete
