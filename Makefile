# The words of the house. `make lab` and `make test` need nothing but Python 3.11 and this folder.
PYTHON ?= python3
BIN := .venv/bin
# Variables of a shell that would change what NumPy, Numba or pytest do are no part of the lab.
CLEAN := env -u OPENBLAS_CORETYPE -u OMP_NUM_THREADS -u PYTEST_ADDOPTS -u PYTHONPATH

.PHONY: lab env test check format snapshots bench clean
.DEFAULT_GOAL := lab

lab: .venv/.lab
	@$(CLEAN) $(BIN)/lab

env: .venv/.dev

# Oracles use one BLAS thread, as where a submission is judged: two wait for each other on a busy machine.
test: .venv/.dev
	$(CLEAN) OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest

check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(CLEAN) OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

snapshots: .venv/.dev
	$(CLEAN) $(BIN)/python -m pytest tests/lab -k snapshot --snapshot-update

bench: .venv/.bench
	$(CLEAN) $(BIN)/python -m tests.benchmarks

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.lab: .venv/bin/python pyproject.toml
	@sh tools/walls.sh
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/.dev: .venv/.lab pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

.venv/.bench: .venv/.dev pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,bench]'
	@touch $@

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .hypothesis
