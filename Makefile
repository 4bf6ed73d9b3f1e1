# Everything here sets itself up: it needs Python 3.11 or newer, git and make.
# Another interpreter: make run PYTHON=python3.13

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.PHONY: run test check bench schemas clean

run: .venv/.run            ## run the root pipeline on real data
	@$(BIN)/mlops run

test: .venv/.test          ## run the tests
	@$(BIN)/python -m pytest -n auto --dist worksteal

check: .venv/.test         ## lint, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/.test         ## measure; prints medians
	@$(BIN)/python benchmarks/run.py

schemas: .venv/.test       ## write the generated schemas and reference pages
	@$(BIN)/python -m mlops_runner.specs.schema_source
	@$(BIN)/python -m mlops_runner.specs.reference docs/reference

clean:
	rm -rf .venv .mlops build dist

.venv/.made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; give it with PYTHON=…" >&2; exit 1; }
	@echo "making .venv with $(PYTHON)" >&2
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: .venv/.made requirements.lock pyproject.toml
	@echo "installing what pipelines need (a minute or two, once)" >&2
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps -e .
	@$(BIN)/python -m compileall -q mlops_runner
	@touch $@

.venv/.test: .venv/.run requirements-dev.lock
	@echo "installing what tests need" >&2
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
