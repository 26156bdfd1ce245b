# `make help` lists what there is. Needs make and Python 3.11 or newer, nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
PYTHON := $(VENV)/bin/python
RUNS := $(VENV)/.runs
INSTALLED := $(VENV)/.installed

# The newest of these that is 3.11 or newer makes .venv; PYTHON3=/path/to/python names another.
PYTHON3 ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$name -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$name && break; done)

export PORT
# Without what Python keeps of compiled modules, each process takes three times as long to start.
export PYTHONDONTWRITEBYTECODE :=

# As many test processes as PostgreSQL and two cores like.
TEST_PROCESSES ?= 2
# Which of them `make test` plays.
MARKS ?= not faults and not journey
# What comes from outside of all cells, or is proved over all: events, keys, webhooks, jobs, the books; and what moves
# money most. All of wallets, played so, found nothing wrong that these did not.
IN_CELLS := accounts/tests/api accounts/tests/webhooks campaigns wallets/tests/test_*.py \
	$(addprefix wallets/tests/,api balances books cards charging reversals stripe) \
	wallets/tests/allocations/test_charging.py wallets/tests/recharges/test_auto_recharge.py

.PHONY: help run test cells journeys snapshots lint audit sbom bench demo calls stripe-check faults cluster cells-trial machines image simulate liveness mutants lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

# One shell line: installs the list named after it.
install = @python="$(PYTHON3)"; \
	if [ -z "$$python" ]; then \
		echo "Python 3.11 or newer with venv is needed: install it (on Debian:" \
			"apt-get install python3 python3-venv), or name it: make PYTHON3=/path/to/python."; \
		exit 1; fi; \
	$$python thinkrr_billing/sandbox/install.py $(VENV)

$(RUNS): requirements.lock requirements-run.txt
	$(install) requirements-run.txt
	@touch $@

$(INSTALLED): requirements.lock
	$(install) requirements-dev.txt
	@touch $(RUNS) $@

run: $(RUNS) ## everything, on http://127.0.0.1:8000 (PORT= changes it); Ctrl-C stops it
	@$(PYTHON) -m thinkrr_billing.sandbox

test: export DEBUG ?= True
test: $(INSTALLED) ## rules, money, jobs and the API: all but the two below; ARGS= goes to pytest
	@$(PYTHON) -m pytest -n $(TEST_PROCESSES) -m "$(MARKS)" $(ARGS)

cells: export DEBUG ?= True
cells: $(INSTALLED) ## the money part of the tests in the second of two cells, while none may change the first
	@$(PYTHON) -m pytest -n $(TEST_PROCESSES) -m "$(MARKS)" --cells $(IN_CELLS) $(ARGS)

journeys: export DEBUG ?= True
journeys: $(INSTALLED) ## the long ways: pages, a browser, killed processes, every route or order
	@$(PYTHON) -m pytest -n $(TEST_PROCESSES) --dist loadfile -m journey $(ARGS)

snapshots: export DEBUG ?= True
snapshots: $(INSTALLED) ## keeps how every page looks now (tests/browser/snapshots), to be looked at and committed
	@SNAPSHOTS=renew $(PYTHON) -m pytest -q -m journey tests/browser/test_snapshots.py $(ARGS)

lint: export DEBUG ?= True
lint: $(INSTALLED) ## style, format, templates, layers, migrations that are missing or would hurt
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/djangofmt --check templates
	@$(VENV)/bin/djangofmt check templates
	@$(VENV)/bin/lint-imports --no-cache
	@$(PYTHON) manage.py makemigrations --check --dry-run
	@$(PYTHON) -m tests.releases

audit: $(INSTALLED) ## bandit, a scan for secrets, known vulnerabilities (asks the network)
	@$(PYTHON) -m tests.audit

sbom: $(INSTALLED) ## sbom.json: what all is locked, as CycloneDX; SBOM= names another file
	@$(VENV)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
		--output-reproducible --of JSON -o $(or $(SBOM),sbom.json)

bench: export DEBUG ?= True
bench: $(INSTALLED) ## what metering and pages cost; ARGS=pages runs one alone
	@$(PYTHON) -m benchmarks $(ARGS)

demo: $(RUNS) ## plays the guide's story in the terminal against the real parts
	@$(PYTHON) -m thinkrr_billing.sandbox.story

calls: export DEBUG ?= True
calls: $(RUNS) ## reports invented calls to a running `make run`; RATE= calls a second
	@$(PYTHON) manage.py simulate_calls --rate $(or $(RATE),20)

stripe-check: $(RUNS) ## what STRIPE_SECRET_KEY (test mode) is answered otherwise than by the sandbox
	@$(PYTHON) -m thinkrr_billing.sandbox.stripe_check

faults: export DEBUG ?= True
faults: $(INSTALLED) ## real parts killed, stopped and cut off; 200 seeds; the bank test
	@$(PYTHON) -m pytest -n $(TEST_PROCESSES) --dist loadfile -m faults $(ARGS)

cluster: $(INSTALLED) ## as root: many hosts on a network of their own, one of which dies; ARGS=primary-killed alone
	@$(PYTHON) -m tests.cluster $(ARGS)

cells-trial: $(INSTALLED) ## with CITUS_BIN=, a server's programs with Citus: the money story on a distributed cell
	@$(PYTHON) -m tests.cells

machines: $(INSTALLED) ## as root: docs/deploy.md and docs/upgrade.md typed into three empty machines, timed
	@$(PYTHON) -m tests.machines

image: $(INSTALLED) ## as root: deploy/Dockerfile built over packages of Debian by buildah, and started
	@$(PYTHON) -m tests.machines.image

simulate: export DEBUG ?= True
simulate: $(INSTALLED) ## plays SEEDS= seeds FROM= one on all cores; 1 when a promise breaks
	@$(PYTHON) -m tests.simulation --seeds $(or $(SEEDS),1000) --from $(or $(FROM),1)

liveness: export DEBUG ?= True
liveness: $(INSTALLED) ## the same with hostile rows in front: what is due happens, and nothing loops
	@$(PYTHON) -m tests.simulation --liveness --seeds $(or $(SEEDS),1000) --from $(or $(FROM),1)

mutants: export DEBUG ?= True
mutants: $(INSTALLED) ## breaks the money modules line by line; ARGS=wallets/balances/ledger.py one alone
	@nice $(PYTHON) -m tests.mutation $(ARGS)

lock: $(INSTALLED) ## requirements.lock anew from the lists; ARGS=--upgrade for newer of what they need
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" $(ARGS) requirements-dev.txt -o requirements.lock

clean: ## deletes .data: the embedded database, the sandbox's state, mails
	@rm -rf .data staticfiles
