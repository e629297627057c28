# Every command in the documents is a target here, and CI calls the same ones.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
# jsii says at every start when a Node.js release has reached its end; it works on these all the same.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20
export CHECKPOINT_DISABLE := 1
export DISABLE_VERSION_CHECK := 1
# Every process would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
# Terraform warns before every answer of a command line configuration that is named but not there.
ifneq ($(TF_CLI_CONFIG_FILE),)
ifeq ($(wildcard $(TF_CLI_CONFIG_FILE)),)
unexport TF_CLI_CONFIG_FILE
endif
endif

DOCTOR = python3 tools/build/doctor.py
# What sets something up, and shows what is there and what is missing when it cannot.
SET_UP = python3 tools/build/setup.py $1 || { echo; $(DOCTOR); exit 1; }

# What somebody gives reaches a command as it is, whatever its characters: an event's id is its sender's word.
quoted = '$(subst ','\'',$(value $1))'
option = $(if $(value $2),$1$(call quoted,$2))
required = $(if $(value $1),$(call quoted,$1),$(error $1 is missing: make $@ $1=stripe))

.PHONY: help setup doctor bundle synth deploy module wheel demo up down secret send events event console screenshots smoke listen receiver verify-archive verify-statements requalify reconcile register redeliver test test-unit test-lambdas \
	test-synth test-plan test-e2e test-versions test-bindings test-provider-6 test-cdktn test-setup audit audit-accept audit-setup audit-lock \
	bindings-lock cost simulate simulate-delivery simulate-inbound lint docs openapi golden bench bench-deployments fuzz lock clean

help: ## Show the targets
	@sed -n 's/^\([a-z0-9 -]*\):.*## \(.*\)/  make \1~\2/p' $(MAKEFILE_LIST) | column -t -s '~'

setup: ## Install what the project needs from its lock files into its own folders
	@command -v python3 >/dev/null || { echo "set-up stopped: 'python3' was not found. Install Python 3.13: python.org, or pyenv"; exit 1; }
	@$(SET_UP)

doctor: ## Show what this machine has of what the project needs, and how to get the rest
	@command -v python3 >/dev/null || { echo "'python3' was not found. Install Python 3.13: python.org, or pyenv"; exit 1; }
	@$(DOCTOR)

bundle: setup ## Build the functions' bundles, unless the sources are unchanged
	@$(PYTHON) -m tools.build.bundle

synth: bundle ## Write the Terraform JSON of ENVIRONMENT_SUFFIX (dev by default) to cdktf.out
	@npx cdktf synth

deploy: bundle ## Deploy ENVIRONMENT_SUFFIX (dev by default) to AWS
	@npx cdktf deploy '*'

module: bundle ## Write the stack of PRESET (standard by default) or ENVIRONMENT_SUFFIX as a plain Terraform module to OUT; or STACK=delivery
	@$(PYTHON) -m tools.export_module $(call option,--stack ,STACK) $(call option,--preset ,PRESET) $(call option,--environment ,ENVIRONMENT_SUFFIX) $(call option,--out ,OUT)

wheel: bundle ## Write the wheel for an app in a repository of its own to dist
	@$(PYTHON) -m tools.build.wheel

demo: bundle ## Run the pipeline on this machine, without an AWS account, and show what happens to webhooks
	@$(PYTHON) -m tools.commands.demo

up: bundle ## Start the pipeline on this machine, and print ready-made curl commands
	@$(PYTHON) -m tools.commands.up up

down: setup ## Take down what 'make up' started
	@$(PYTHON) -m tools.commands.up down

secret: setup ## Set or rotate the signing secret of PROVIDER, read from the terminal or a pipe; FINISH=1 ends the overlap, KEEP=1 or REPLACE=1 rotate within it; KIND=api sets the API key
	@$(PYTHON) -m tools.commands.secret $(call required,PROVIDER) $(if $(FINISH),finish) $(if $(KEEP),keep) $(if $(REPLACE),replace) $(call option,,KIND)

send: setup ## Send COUNT signed webhooks of PROVIDER (EVENT=type, FORGE=body|key|time|unsigned) to the local or a deployed stack
	@$(PYTHON) -m tools.commands.send $(call required,PROVIDER) $(call option,--event ,EVENT) $(call option,--forge ,FORGE) \
		$(call option,--count ,COUNT) $(call option,--number ,NUMBER)

events: setup ## List the newest events (PROVIDER, TYPE, STATE, MODE, ACCOUNT, TRANSACTION, CORRELATION, LIST=dead-letters, SINCE=2h, COUNT)
	@$(PYTHON) -m tools.commands.events list $(call option,--provider ,PROVIDER) $(call option,--type ,TYPE) $(call option,--state ,STATE) \
		$(call option,--mode ,MODE) $(call option,--account ,ACCOUNT) $(call option,--transactionId ,TRANSACTION) \
		$(call option,--correlationId ,CORRELATION) $(call option,--list ,LIST) $(call option,--since ,SINCE) $(call option,--count ,COUNT)

deliveries: setup ## List deliveries of all tenants, tenant by tenant (TENANT, STATE=DLQ, ENDPOINT, TYPE, SINCE=2h, COUNT)
	@$(PYTHON) -m tools.commands.events deliveries $(call option,--tenantId ,TENANT) $(call option,--state ,STATE) \
		$(call option,--endpointId ,ENDPOINT) $(call option,--type ,TYPE) $(call option,--since ,SINCE) $(call option,--count ,COUNT)

event: setup ## Show the event ID=stripe:evt_1 from receipt to the last attempt, and its transaction
	@$(PYTHON) -m tools.commands.events show $(if $(value ID),$(call quoted,ID),$(error ID is missing: make event ID=stripe:evt_1))

console: setup ## Open a console for ENVIRONMENT_SUFFIX, or what 'make up' started, on this machine (PORT)
	@$(PYTHON) -m tools.console $(call option,--port ,PORT)

screenshots: setup ## Take the documents' pictures of the console and the portal
	@$(PYTHON) -m tests.console_pictures

smoke: setup ## Check the deployed ENVIRONMENT_SUFFIX, or what 'make up' started, from outside and without harm (PROVIDERS="a b")
	@$(PYTHON) -m tools.smoke $(if $(PROVIDERS),--providers $(PROVIDERS))

listen: setup ## Forward PROVIDER's events to FORWARD=url as they came (SINCE=2h first sends earlier ones; TYPE="a b*", MODE=live or test)
	@$(PYTHON) -m tools.listen --provider $(call required,PROVIDER) --forward $(call quoted,FORWARD) \
		$(call option,--since ,SINCE) $(call option,--types ,TYPE) $(call option,--mode ,MODE)

# SECRET reaches the receiver in its environment, where make puts what its command line sets.
receiver: setup ## Run an endpoint that verifies signatures (SECRET=whsec_..., SECRETS=file by tenant) and simulates faults (PORT)
	@$(PYTHON) -m tools.commands.receiver $(call option,--port ,PORT) $(call option,--secrets ,SECRETS)

verify-archive: setup ## Verify the archived payloads again (PROVIDER=name, RETIRED=file with retired keys)
	@$(PYTHON) -m tools.commands.verify_archive $(call option,--provider ,PROVIDER) $(call option,--retired ,RETIRED)

verify-statements: setup ## Verify the chain of daily statements, and count the records again (SINCE=2026-01-31, PROVIDER=name, DIGEST=one that was noted elsewhere)
	@$(PYTHON) -m tools.commands.verify_statements $(call option,--since ,SINCE) $(call option,--provider ,PROVIDER) $(call option,--digest ,DIGEST)

requalify: setup ## Verify the quarantined webhooks of PROVIDER again, and hand over what is proven (DRY_RUN=1, SINCE=time, UNTIL=time)
	@$(PYTHON) -m tools.commands.requalify $(call required,PROVIDER) $(if $(DRY_RUN),--dry-run) $(call option,--since ,SINCE) $(call option,--until ,UNTIL)

reconcile: setup ## Compare the list of events of PROVIDER with the records now, and hand over what is missing (DRY_RUN=1, SINCE=time for a catch-up)
	@$(PYTHON) -m tools.commands.reconcile $(call required,PROVIDER) $(if $(DRY_RUN),--dry-run) $(call option,--since ,SINCE)

register: setup ## Have PROVIDER send to this stack, and store its signing secret; asks for an API key that may write (DRY_RUN=1, TYPES="a.b c.d", ID=registration)
	@$(PYTHON) -m tools.commands.register $(call required,PROVIDER) $(if $(DRY_RUN),--dry-run) $(call option,--types ,TYPES) $(call option,--id ,ID)

redeliver: setup ## Have PROVIDER send the event ID again, or all since SINCE=time that are missing; asks for an API key that may (DRY_RUN=1)
	@$(PYTHON) -m tools.commands.redeliver $(call required,PROVIDER) $(if $(DRY_RUN),--dry-run) $(call option,--id ,ID) $(call option,--since ,SINCE)

# Most of the end-to-end tests wait, so that there are more workers than cores.
WORKERS := 6
PYTEST = $(PYTHON) -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder $(call option,-k ,K) \
	$(if $(SEED),--random-order --random-order-seed=$(SEED))

test: test-setup bundle lint ## Run all tests (TESTS=path, K=expression, SEED=number for a random order), the end-to-end ones on a local AWS
	@$(PYTEST) $(TESTS)

test-unit test-lambdas test-synth test-plan test-e2e: test-%: test-setup bundle ## Run one suite
	@$(PYTEST) tests/$*

test-versions: bundle ## Run the unit suite under each installed older Python that README promises
	@$(call SET_UP,versions)
	@for python in .tools/python-3.*/bin/python; do [ -x $$python ] || continue; \
		$$python --version && $$python -m pytest tests/unit -q -n 2 --dist loadgroup || exit 1; done

test-bindings: test-provider-6 test-cdktn ## Run both of the next

test-provider-6 test-cdktn: test-%: bundle ## Synthesize every reviewed stack with the bindings of AWS provider 6, or moved to cdktn, and compare
	@python3 tools/build/setup.py $*
	@$(PYTHON) -m pytest tests/bindings/test_$(subst -,_,$*).py

test-setup: ## Install the audit's tools and a browser for the tests (CHROMIUM=path; Debian installs it)
	@$(call SET_UP,audit browser)

# What is audited: the presets; ENVIRONMENTS="prod staging" of cdktf.json; or PLAN=plan.json of 'terraform show -json'.
AUDITED = $(if $(PLAN),--plan "$(PLAN)",$(if $(ENVIRONMENTS),--environments $(ENVIRONMENTS))) $(call option,--accepted ,ACCEPTED)

audit: bundle audit-setup ## Check the plan of every preset (or ENVIRONMENTS=, or PLAN=), compare it with what is in ACCEPTED, and write a page about each
	@$(PYTHON) -m tools.audit $(AUDITED)

audit-accept: bundle audit-setup ## Accept the audited plans as reviewed: later ones are compared with them
	@$(PYTHON) -m tools.audit --accept $(AUDITED)

audit-setup: setup ## Install checkov and the IAM linter into their own environment
	@$(call SET_UP,audit)

audit-lock: setup ## Lock the audit's environment again
	@$(PYTHON) -m tools.build.lock_environment tools/audit

bindings-lock: setup ## Lock the environments of other bindings again
	@$(PYTHON) -m tools.build.lock_environment tools/build/bindings/provider-6 tools/build/bindings/cdktn

cost: bundle ## Price PRESET or ENVIRONMENT_SUFFIX for RATE webhooks/s of SIZE bytes (DUPLICATES=percent, MONTHS kept, JSON=1)
	@$(PYTHON) -m tools.estimate.cost $(call option,--preset ,PRESET) $(call option,--environment ,ENVIRONMENT_SUFFIX) \
		$(call option,--rate=,RATE) $(call option,--size=,SIZE) $(call option,--duplicates=,DUPLICATES) \
		$(call option,--months=,MONTHS) $(if $(JSON),--json)

simulate: bundle ## Simulate a burst and a slow downstream of PRESET or ENVIRONMENT_SUFFIX (RATE, SECONDS, SLOW=times, SENDERS, SEED, CAPACITY=1)
	@$(PYTHON) -m tools.estimate.simulate $(call option,--preset ,PRESET) $(call option,--environment ,ENVIRONMENT_SUFFIX) \
		$(call option,--rate=,RATE) $(call option,--seconds=,SECONDS) $(call option,--slow=,SLOW) $(call option,--senders ,SENDERS) \
		$(call option,--seed=,SEED) $(if $(CAPACITY),--capacity)

simulate-delivery simulate-inbound: simulate-%: setup ## Simulate a half with faults at every call (SEEDS=200, FIRST, SIZE=events, FAULTS=kinds, SCENARIOS=1; SEED=number replays one)
	@PYTHONHASHSEED=0 $(PYTHON) -m tests.lambdas.simulation $* $(call option,--seeds ,SEEDS) $(call option,--first ,FIRST) \
		$(call option,--size ,SIZE) $(call option,--faults ,FAULTS) $(call option,--seed ,SEED) $(call option,--about ,ABOUT) $(if $(SCENARIOS),--scenarios)

bench: bundle ## Measure functions and synth beside common alternatives (PARTS="cold warm", AT=revision)
	@$(PYTHON) -m bench $(PARTS) $(call option,--at ,AT)

bench-deployments: bundle ## Deploy both stacks COUNT times (20) to a local AWS, beside BUSY loops (2), and time each
	@$(PYTHON) -m bench.deployments $(or $(COUNT),20) $(or $(BUSY),2)

fuzz: setup ## Fuzz every provider's verifier and extractor, guided by coverage (RUNS=100000 inputs each)
	@$(PYTHON) -m fuzz $(call option,--runs ,RUNS)

lint: setup ## Check format, style and types
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy

docs: setup ## Write the generated tables of docs/
	@$(PYTHON) -m tools.generate.docs

openapi: setup ## Write the OpenAPI documents of the delivery API and of the operators' lists
	@$(PYTHON) -m tools.generate.openapi
	@$(PYTHON) -m tools.generate.operator_openapi

golden: bundle ## Accept what the presets deploy as reviewed: write tests/synth/golden
	@$(PYTHON) -m tools.generate.golden

lock: setup ## Lock the Python dependencies again
	@$(PYTHON) -m tools.build.lock

clean: ## Remove everything that was built or installed here
	rm -rf .venv .tools .build .local node_modules dist cdktf.out
