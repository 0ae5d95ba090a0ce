# `make up` starts Portcullis, `make test` proves it. Both install what they need on a bare Debian or Ubuntu.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Built things are kept outside the checkout, so that a fresh clone does not build the world again.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/portcullis/target
export CARGO_TERM_COLOR ?= auto

BINARY := $(CARGO_TARGET_DIR)/debug/portcullis
UP_FLAGS ?=
MODEL_SEQUENCES ?= 1000000
FUZZ_SECONDS ?= 600
PREFIX ?= $(if $(filter 0,$(shell id -u)),/usr/local,$(HOME)/.local)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: up
up: ## Install what is missing, build, and start everything on http://127.0.0.1:8080
	@deploy/setup.sh run
	@cargo build --locked --package portcullis
	@exec $(BINARY) up $(UP_FLAGS)

.PHONY: install
install: ## Put the program that `make up` built on the PATH (PREFIX/bin)
	@deploy/setup.sh build
	@cargo build --locked --package portcullis
	@install -D -m 755 $(BINARY) $(PREFIX)/bin/portcullis
	@echo "installed $(PREFIX)/bin/portcullis"

.PHONY: test
test: ## Format, lints, unit, integration and browser tests
	@deploy/setup.sh test
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	cargo test --locked --workspace --no-fail-fast
	@$(MAKE) --no-print-directory test-browser

.PHONY: test-browser
test-browser: ## The browser test alone (screenshots go to $(BROWSER_OUT))
	@deploy/setup.sh test
	@cargo build --locked --package portcullis
	@web/tests/run.sh $(BINARY)

.PHONY: test-mlflow
test-mlflow: ## A real MLflow behind its real MCP servers, real MCP clients in front (downloads several hundred MB)
	@deploy/setup.sh test
	@cargo build --locked --package portcullis
	@crates/portcullis/tests/mlflow/run.sh $(BINARY)

.PHONY: test-conformance
test-conformance: ## The official MCP conformance suite: the gateway in front of a server is that server (downloads some 100 MB)
	@deploy/setup.sh test
	@cargo build --locked --package portcullis
	@cargo build --locked --manifest-path crates/gateway/conformance/Cargo.toml --target-dir $(CARGO_TARGET_DIR)/conformance
	@crates/portcullis/tests/conformance/run.sh servers $(BINARY) $(CARGO_TARGET_DIR)/conformance/debug/conformance-fixture

.PHONY: test-clients
test-clients: ## Real clients: OAuth from nothing but a URL, four combinations of era, the suite's clients, odd JSON (downloads some 100 MB)
	@deploy/setup.sh test
	@cargo build --locked --package portcullis
	@cargo build --locked --package gateway --example judged
	@cargo build --locked --manifest-path crates/gateway/conformance/Cargo.toml --target-dir $(CARGO_TARGET_DIR)/conformance
	@for part in parsers oauth issuer eras upstream-side; do \
	  crates/portcullis/tests/conformance/run.sh $$part $(BINARY) $(CARGO_TARGET_DIR)/conformance/debug/conformance-fixture; \
	done

.PHONY: test-model
test-model: ## A million generated policies and sequences of calls: a naive model against the judge and the counters
	@deploy/setup.sh test
	PORTCULLIS_MODEL_SEQUENCES=$(MODEL_SEQUENCES) cargo test --locked --release --package counters --test model

.PHONY: fuzz
fuzz: ## Fuzz documents, conditions and calls, each for FUZZ_SECONDS
	@deploy/setup.sh fuzz
	@crates/policy/fuzz/run.sh $(FUZZ_SECONDS)

.PHONY: bench
bench: ## The gateway against the bare upstream and a bare pass-through hop, as ratios
	@deploy/setup.sh test
	@cargo build --locked --release --package portcullis --package bench
	@$(CARGO_TARGET_DIR)/release/bench $(CARGO_TARGET_DIR)/release/portcullis
