# Two commands matter: `make demo` and `make test`. Each installs what it needs first; `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
READY := .venv/.ready
SHORT_SEEDS ?= 10000
SEEDS ?= 200
HUNT_SEEDS ?= 1000
KILLS ?= 1000

.DEFAULT_GOAL := help
.PHONY: help setup setup-lab demo playground test check format lab lab-gpio lab-home-assistant lab-kills sim sim-mutants bench docs image-armhf clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## a virtual environment with the locked versions

$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Bramble needs Python 3.11 or later: make PYTHON=python3.11 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv 2>/dev/null || { rm -rf .venv; ./lab/packages.sh && $(PYTHON) -m venv .venv; }
	@echo "Installing the locked Python packages into .venv ..."
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8,<1'
	@$(UV) sync --quiet --frozen --inexact
	@touch $(READY)

setup-lab:  ## Debian's Mosquitto, Docker Engine, registry and busybox (root); none of them is started
	@./lab/packages.sh

demo: ## the whole story on this machine: three nodes, real engines, a real broker (root; under 3 minutes)
	@test "$$(id -u)" -eq 0 || { echo "make demo builds three network namespaces with a Docker Engine each, which needs root. Run: sudo make demo"; exit 1; }
	@./lab/packages.sh
	@$(MAKE) --no-print-directory setup
	@$(BIN)/python -m lab

playground: ## the same three nodes, to play with: bramble commands in another terminal, cuts and kills in this one (root)
	@./lab/packages.sh
	@$(MAKE) --no-print-directory setup
	@$(BIN)/python -m lab.playground

test: ## everything that CI runs: lint, types, contracts, tests, simulator, lab (root)
	@test "$$(id -u)" -eq 0 || { echo "make test includes the lab, which needs root. Run: sudo make test, or make check without the lab"; exit 1; }
	@./lab/packages.sh
	@$(MAKE) --no-print-directory setup
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m tests.parts

check: setup lint ## lint, types, contracts and the tests that need no root and no broker (a minute or two)
	$(BIN)/pytest -q -m "not lab and not broker and not slow"

.PHONY: lint
lint: setup
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/python -m docs.generate --check
	$(BIN)/lint-imports --no-cache > .venv/contracts.log || { cat .venv/contracts.log; exit 1; }

format: setup ## write the code the way the formatter wants it
	$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

lab-gpio: setup ## real edges on a real /dev/gpiochip0, in an emulated machine (root; five minutes)
	@./tests/gpio/packages.sh
	@$(BIN)/python -m tests.gpio

lab-home-assistant: setup ## a real Home Assistant beside a real controller and agent (root; a quarter of an hour the first time)
	@command -v debootstrap >/dev/null || { apt-get update -qq; apt-get install -y -qq --no-install-recommends debootstrap >/dev/null; }
	@$(BIN)/python -m tests.lab.home_assistant

lab: setup ## only the tests on real hosts (root)
	$(BIN)/pytest -q -m lab

sim: setup ## whole fleets in virtual time: SHORT_SEEDS=N short histories, then SEEDS=N long ones
	$(BIN)/bramble sim --short --seeds $(SHORT_SEEDS) --jobs $$(nproc)
	$(BIN)/bramble sim --seeds $(SEEDS) --jobs $$(nproc)

sim-mutants: setup ## plant every bug in turn and hunt it with HUNT_SEEDS=N histories each (hours)
	$(BIN)/python -m tests.mutants --seeds $(HUNT_SEEDS)

lab-kills: setup ## KILLS=1000 SIGKILLs of agents, brokers and controllers over real processes (root; 20 minutes)
	$(BIN)/python -m tests.lab.kills --kills $(KILLS)

bench: setup ## the figures, each as a ratio against a peer in the same run (root)
	$(BIN)/python -m tests.bench

docs: setup ## write docs/topics.md and docs/states.md anew from the code
	$(BIN)/python -m docs.generate

image-armhf: ## build and start the agent's image for 32-bit Raspberry Pis under qemu (root)
	@./lab/armhf.sh

clean: ## remove what the targets above made here
	@rm -rf .venv .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
