# Petrel's tasks. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

MODEL ?= petrel/demo
PROMPT ?= Give me a fact about whales.

BIN := .build/release/petrel
SWIFT_BUILD := swift build -c release
SWIFT_FILES := Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources
DEMO_WEIGHTS := Models/petrel-demo-Q8_0.gguf
# The tests' Python packages and nothing else; outlives clones.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/petrel

.PHONY: help run test bench build engine packages python format lint clean

help: ## List the tasks
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: packages build engine ## Set everything up and ask the demo model (MODEL=... PROMPT=...)
	@Scripts/ensure-demo-model.sh $(BIN) $(DEMO_WEIGHTS) "$(MODEL)"
	@$(BIN) run "$(MODEL)" "$(PROMPT)"

test: packages build engine python ## Build and pass all tests
	$(SWIFT_BUILD) --build-tests
	PETREL_TEST_BINARY="$(CURDIR)/$(BIN)" PETREL_TEST_WEIGHTS="$(CURDIR)/$(DEMO_WEIGHTS)" \
	PETREL_TEST_PYTHON="$(CACHE)/venv/bin/python" \
	PETREL_TEST_FRAMEWORKS_PYTHON="$(CACHE)/venv-frameworks/bin/python" \
	PETREL_TEST_ENGINE="$$($(BIN) install-runner --print-path)" \
	Scripts/run-tests.sh

bench: packages build engine ## Measure speed and memory against named peers
	Scripts/install-packages.sh bench
	Benchmarks/run.sh $(BIN) $(DEMO_WEIGHTS)

build: ## Build the release binary
	$(SWIFT_BUILD) --product petrel

engine: build ## Install llama.cpp, once for each version
	$(BIN) install-runner --from-source

packages: ## Install missing system packages
	@Scripts/install-packages.sh

python: ## Install the Python clients that the tests use
	@Scripts/install-python-clients.sh "$(CACHE)/venv" clients
	@Scripts/install-python-clients.sh "$(CACHE)/venv-frameworks" frameworks

format: ## Format all Swift files
	swift format --in-place --parallel --recursive $(SWIFT_FILES)

lint: ## Check format and style
	swift format lint --strict --parallel --recursive $(SWIFT_FILES)

clean: ## Remove what was built
	rm -rf .build
