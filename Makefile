# Fresh machine to result with python3 and make alone: uv is installed into .venv, nothing outside it is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
ARCHDUEL_HOME ?= $(CURDIR)/.archduel
export ARCHDUEL_HOME
export DAGSTER_HOME := $(ARCHDUEL_HOME)/dagster

.DEFAULT_GOAL := help
SHELL := /bin/sh
.PHONY: help install install-test compare test test-unit test-long test-browser screenshots lint dev services worker clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## .venv with what archduel needs; quick when nothing changed, repairs a broken one

install-test: $(TEST_STAMP) ## the same with what its tests need

# A stamp older than what is declared, or a .venv whose Python is gone (moved, upgraded), is installed again.
ifneq ($(shell $(BIN)/archduel --version >/dev/null 2>&1 && $(BIN)/uv pip check --quiet --python $(BIN)/python >/dev/null 2>&1 && echo works),works)
.PHONY: $(STAMP) $(TEST_STAMP)
endif

COMPILE ?= --compile-bytecode # quicker starts from then on; not worth a minute where a checkout is used once

define installed
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] < (3, 14) or sys.exit("archduel needs Python 3.11, 3.12 or 3.13, this is " + sys.version.split()[0] + ": try make PYTHON=python3.11 " + "$(MAKECMDGOALS)")'
	@echo "installing archduel into $(VENV)"
	@$(BIN)/uv --version >/dev/null 2>&1 && $(BIN)/python -c '' 2>/dev/null || { \
	   rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) && \
	   $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'; }
	@$(BIN)/uv pip install --quiet --native-tls $(COMPILE) --python $(BIN)/python --editable '$(1)'
endef

$(STAMP): pyproject.toml Makefile
	$(call installed,.)
	@touch $@

$(TEST_STAMP): pyproject.toml Makefile
	$(call installed,.[test])
	@touch $(STAMP) $@

compare: install ## the bundled recording through every architecture, compared; options in ARGS
	@$(BIN)/archduel compare $(ARGS)

lint: install-test ## format, lint, types and the direction of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: lint test-unit ## everything a change must pass
	@$(BIN)/pytest -m 'not long' -n 2 --quiet tests/functional
	@# In this order: xdist would begin the file of the fewest tests last, and that is the longest one.
	@$(BIN)/pytest -m 'not long' -n 2 --dist loadfile --no-loadscope-reorder tests/integration tests/conformance tests/calibration

test-unit: install-test ## the quick part: no emulator, no Dagster; four minutes on two cores
	@$(BIN)/pytest -m 'not long' -n 2 --quiet tests/unit

test-long: install-test ## what is too slow for every change
	@$(BIN)/pytest -m long
	@FUZZ_S=60 $(BIN)/pytest -m 'fuzz and not long' --timeout 900 tests/unit

BROWSER_STAMP := $(VENV)/.installed-browser
$(BROWSER_STAMP): $(TEST_STAMP)
	$(call installed,.[browser])
	@touch $(STAMP) $(TEST_STAMP) $@

test-browser: $(BROWSER_STAMP) ## Dagster's UI in Debian's Chromium; minutes; skipped without the package chromium
	@$(BIN)/pytest tests/ui tests/calibration/test_report_browser.py

screenshots: $(BROWSER_STAMP) ## the pictures in the pages, made anew
	@$(BIN)/python -m tests.ui.screenshots

dev: install ## the Dagster UI on 127.0.0.1:3000 with its daemon
	@$(BIN)/archduel dev

CELERY_STAMP := $(VENV)/.installed-celery
$(CELERY_STAMP): $(STAMP)
	$(call installed,.[celery])
	@touch $@

HOST ?= 127.0.0.1
services: $(CELERY_STAMP) ## Redis and PostgreSQL for several workers, of Debian's packages, on HOST
	@$(BIN)/python -m orchestration.deploy.services $(HOST)

worker: $(CELERY_STAMP) ## a worker of Celery; see docs/several-machines.md
	@$(BIN)/python -m orchestration.worker

clean: ## remove the environment and every result
	rm -rf $(VENV) $(ARCHDUEL_HOME)
