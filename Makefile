# Everything a fresh machine needs: Linux, git, make and Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# DVC's default, a folder in /var/tmp, is open to all users of the machine, and it reads pickles from there.
DVC_PRIVATE := $(CURDIR)/.dvc/tmp/site

.DEFAULT_GOAL := help
.PHONY: help run test test-faults lint types unit cover bench lock clean

help: ## show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@# Sdists are built with the locked build tools, not with whatever the index offers.
	@sed -n -e '/^pip==/,/[^\\]$$/p' -e '/^setuptools==/,/[^\\]$$/p' -e '/^wheel==/,/[^\\]$$/p' requirements.lock > $(VENV)/build-tools.txt
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r $(VENV)/build-tools.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@mkdir -p .dvc/tmp && mkdir -p -m 700 "$(DVC_PRIVATE)" && \
	  $(BIN)/dvc config --local core.site_cache_dir "$(DVC_PRIVATE)"
	@touch $@

run: $(READY) ## run the pipeline and print where the report is (PROFILE=sandbox | mirror | paper)
	@$(BIN)/cxnet-data run $(if $(PROFILE),--profile $(PROFILE))

test: lint types unit ## check the code and run all tests

test-faults: $(READY) ## kill, damage, fill and swap everything (hours; QUICK=1: minutes); goes on where it was interrupted
	$(BIN)/python -m benchmarks.faults $(if $(QUICK),--quick)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

unit: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

cover: $(READY) ## run all tests and say which lines they miss (half as long again)
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov=sources --cov=pipeline --cov=training --cov-report=term:skip-covered

bench: $(READY) ## measure everything in benchmarks/ (tables on screen, JSON in benchmarks/results/)
	@for script in $(filter-out benchmarks/same_tables.py benchmarks/faults.py,$(wildcard benchmarks/[a-z]*.py)); do name=$$(basename $$script .py); echo "== $$name"; \
	  $(BIN)/python -m benchmarks.$$name || failed="$$failed $$name"; done; [ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

lock: ## renew requirements.lock (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --upgrade --output-file requirements.lock

clean: ## remove what was built; data/ stays
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage
