# The only front door: every command in README is a target here, and CI calls the same ones.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
# jsii says at every start when a Node.js release has reached its end; it works on these all the same.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20
export CHECKPOINT_DISABLE := 1
export DISABLE_VERSION_CHECK := 1
# Terraform warns before every answer of a command line configuration that is named but not there.
ifneq ($(TF_CLI_CONFIG_FILE),)
ifeq ($(wildcard $(TF_CLI_CONFIG_FILE)),)
unexport TF_CLI_CONFIG_FILE
endif
endif

.PHONY: help setup bundle synth deploy demo up down test test-fast lint docs lock clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## Install everything that the project needs, from its lock files, into folders of its own
	@command -v python3 >/dev/null || { echo "set-up stopped: 'python3' was not found. Install Python 3.13: python.org, or pyenv"; exit 1; }
	@python3 tools/setup.py

bundle: setup ## Build the functions' bundles
	@$(PYTHON) -m tools.bundle

synth: bundle ## Write the Terraform JSON of ENVIRONMENT_SUFFIX (dev by default) to cdktf.out
	@npx cdktf synth

deploy: bundle ## Deploy ENVIRONMENT_SUFFIX (dev by default) to AWS, from bundles that are built anew
	@npx cdktf deploy webhooks-$(or $(ENVIRONMENT_SUFFIX),dev)

demo: bundle ## Run the pipeline on this machine, without an AWS account, and show what becomes of webhooks
	@$(PYTHON) -m tools.demo

up: bundle ## Start the pipeline on this machine, and print ready-made curl commands
	@$(PYTHON) -m tools.up up

down: setup ## Take down what 'make up' started
	@$(PYTHON) -m tools.up down

test: bundle lint ## Run all tests, the end-to-end ones on a local AWS included
	@$(PYTHON) -m pytest

test-fast: bundle ## Run the tests that need no Terraform
	@$(PYTHON) -m pytest tests/unit tests/lambdas tests/synth

lint: setup ## Check format, style and types
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy

docs: setup ## Write the generated tables of README
	@$(PYTHON) -m tools.docs

lock: setup ## Lock the Python dependencies anew
	@$(PYTHON) -m tools.lock

clean: ## Remove everything that was built or installed here
	rm -rf .venv .tools .build .local node_modules cdktf.out
