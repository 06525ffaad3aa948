# The same few commands for people and for CI.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
TIFO := $(BIN)/tifo

.DEFAULT_GOAL := help
.PHONY: help setup up pages pictures test test-fast lint format contracts bench deaths crowd lock system-packages clean

help: ## Say what there is to do
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

setup: $(VENV)/.installed src/tifo/pages/.built ## Install the pinned dependencies and build the pages

up: setup ## Bring up a live match on this machine: http://127.0.0.1:8080
	$(TIFO) up

pages: ## Build the watch page and the cockpit
	npm --prefix web ci --no-audit --no-fund
	npm --prefix web run build
	touch src/tifo/pages/.built

test: setup system-packages tests/oracles/node_modules/.installed ## Everything: rules, ports, services, system stories, the browser
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	npm --prefix web run check
	npm --prefix web test
	$(BIN)/pytest

test-fast: setup ## What needs no process of its own: seconds
	$(BIN)/pytest -q tests/rules tests/ports tests/services tests/repo

lint: setup ## Style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup ## Put the code in its usual form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

contracts: setup ## Write the contracts again from the code
	$(TIFO) export contracts

pictures: setup system-packages ## Take the README's pictures again, of the pages as they are
	$(BIN)/python docs/images/take.py

bench: setup ## Every figure of the README, each beside its peer
	$(BIN)/python -m benchmarks

crowd: ## Build the rehearsals' lighter generator
	cd rehearsals/crowd && go build -o ../.build/crowd .

deaths: setup system-packages ## The README's table of what dies, each with a crowd watching
	rm -f benchmarks/results/deaths.json
	TIFO_DEATHS_FIGURES=$(CURDIR)/benchmarks/results/deaths.json $(BIN)/pytest -q tests/system/test_story_deaths.py
	$(BIN)/python -m benchmarks deaths

lock: ## Pin the newest releases that pyproject.toml allows
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile --universal --generate-hashes --all-extras --no-header -q -U \
	  pyproject.toml -o requirements.lock

system-packages: ## Debian packages that the tests drive; says what is missing elsewhere
	@sh tests/system-packages.sh

clean: ## Remove what was built, not the data
	rm -rf $(VENV) src/tifo/pages web/node_modules tests/oracles/node_modules benchmarks/.build rehearsals/.build

# Compiled once: where Python may write no caches, each of the many processes would do it anew as it starts.
$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src/tifo
	touch $@

tests/oracles/node_modules/.installed: tests/oracles/package-lock.json
	npm --prefix tests/oracles ci --no-audit --no-fund
	touch $@

src/tifo/pages/.built: web/package-lock.json $(shell find web -name node_modules -prune -o -type f -print 2>/dev/null)
	$(MAKE) pages
