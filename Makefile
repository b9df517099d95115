# Forecastle. `make` lists what can be done; see README.md.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
VENDOR := webapp/static/vendor
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK   := $(BIN)/python -m piptools compile --quiet --strip-extras --no-emit-index-url \
          --no-emit-trusted-host --no-emit-find-links
CODE   := ml worker webapp bench

# xgboost without CUDA has a name of its own, but on macOS, where there is no CUDA.
RENAMED := -e '$(if $(filter Darwin,$(shell uname -s)),s/^xgboost-cpu==/xgboost==/)'

.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-fuzz test-oracle bench-prophet bench-accuracy screenshots lint types format lock clean coverage chaos schema audit

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  DATA=file.csv with `make demo` loads that file instead; PYTHON=python3.12 with the first `make` picks a Python.'

setup: $(VENV)/.installed $(VENDOR)/.stamp ## Create .venv, install pinned requirements and front-end assets

demo: setup ## Start everything with demo data (DATA=file.csv: with that file)
	@exec $(BIN)/python -m worker up --demo $(if $(DATA),--data '$(DATA)')

run: setup ## Start everything, without demo data
	@exec $(BIN)/python -m worker up

test: setup $(VENV)/.installed-dev ## Run all tests, one process a core (ARGS='-k imports' is passed on to pytest)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-fuzz: setup $(VENV)/.installed-dev ## Load 200 hostile files (make test loads a sample of 40)
	HOSTILE_FILES=200 $(BIN)/python -m pytest tests/integration/test_hostile_files.py $(ARGS)

test-oracle: setup $(VENV)/.installed-dev ## Compare Prophet for panels with its library on 60 series a real panel (make test: 6)
	ORACLE_SERIES=60 $(BIN)/python -m pytest tests/integration/test_prophet_panel_oracle.py $(ARGS)

bench-prophet: setup $(VENV)/.installed-dev ## Prophet for panels beside its library on all series (long; ARGS='weekly daily')
	$(BIN)/python -m bench.prophet_panel $(ARGS)

test-api: setup $(VENV)/.installed-dev ## Send the live API whatever its description allows and does not, as each role
	API_EXAMPLES=20 API_ROLES=viewer,planner,operator,admin API_PHASES=examples,coverage,fuzzing,stateful \
	  $(BIN)/python -m pytest tests/integration/test_api_contract.py $(ARGS)

bench-accuracy: setup $(VENV)/.installed-dev ## Score forecasts on real panels beside peers (needs mlforecast; ARGS='--no-peers')
	$(BIN)/python -m bench.accuracy $(ARGS)

coverage: setup $(VENV)/.installed-dev ## Run all tests and fail where less than 85 % of the lines ran
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered --cov-report=xml $(ARGS)

chaos: setup $(VENV)/.installed-dev ## Kill processes while they import, train and forecast (ROUNDS=10)
	$(BIN)/python -m bench.chaos --rounds $(or $(ROUNDS),10) $(ARGS)
	$(BIN)/python -m bench.chaos_clocks

schema: $(VENV)/.installed ## Write docs/database-schema.md anew from the tables
	$(BIN)/python -m webapp.schema_page docs/database-schema.md

audit: $(VENV)/.installed-dev ## Look for known faults in packages and for insecure code
	$(BIN)/python -m pip_audit --requirement requirements.txt --no-deps --disable-pip --strict --progress-spinner off
	$(BIN)/python -m bandit --quiet --recursive --configfile pyproject.toml ml worker webapp

screenshots: setup $(VENV)/.installed-dev ## Take pictures of every page into docs/images (needs Chromium; the first time some minutes)
	$(BIN)/python -m docs.pictures $(ARGS)

lint: $(VENV)/.installed-dev ## Check style and formatting
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: $(VENV)/.installed-dev ## Check types
	$(BIN)/python -m mypy $(CODE)

format: $(VENV)/.installed-dev ## Format the code
	$(BIN)/python -m ruff format .

lock: $(VENV)/.installed-dev ## Pin the newest versions that the .in files and package.json allow
	$(LOCK) --upgrade --output-file requirements.txt requirements.in
	$(LOCK) --upgrade --output-file requirements-dev.txt requirements-dev.in
	$(LOCK) --upgrade --output-file requirements-node.txt requirements-node.in
	npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved

clean: ## Remove the environment, packages and caches (data in var/ stays)
	rm -rf $(VENV) node_modules $(VENDOR) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$($(PYTHON) --version 2>/dev/null) || found='not there'; \
	  echo "Forecastle needs Python 3.11 or newer; '$(PYTHON)' is $$found."; \
	  echo "Install one, or name it: make PYTHON=python3.12 $(or $(MAKECMDGOALS),setup)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: requirements.txt | $(BIN)/python
	@echo "Installing requirements.txt (half a minute or so, once)"
	@sed $(RENAMED) requirements.txt > $(VENV)/requirements.txt
	@$(PIP) -r $(VENV)/requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing requirements-dev.txt"
	@$(PIP) -r requirements-dev.txt
	@touch $@

$(VENDOR)/.stamp: package-lock.json webapp/assets.py | $(VENV)/.installed
	@$(BIN)/python -m webapp.assets
