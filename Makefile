# Two commands for everyone: `make journey` and `make test`. Both make their own environment.
# PYTHON=python3.13 takes another interpreter, CONSTRAINTS= the newest releases instead of the pinned ones: each choice
# has its own environment, so that none is mistaken for another.
PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
VENV := .venv$(patsubst %,-%,$(filter-out python3,$(notdir $(PYTHON))))$(if $(CONSTRAINTS),,-newest)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
NAME ?= mlp-mnist
# Which of the mutants, see tests/mutations/run.py: all of them, or with MUTANTS="--sample 6 --seed 1" some.
MUTANTS ?=

.PHONY: help journey test lint mutants bench reproduce clean

help:
	@echo "make journey              run every chapter and write the report"
	@echo "make test                 run the whole test suite"
	@echo "make lint                 style, format and types"
	@echo "make mutants              break the code line by line; do the tests notice? (an hour; MUTANTS='--sample 6')"
	@echo "make bench                ours against the peers, side by side"
	@echo "make reproduce NAME=...   a paper's figure by its protocol (default: $(NAME))"
	@echo "  PYTHON=python3.13       another interpreter;  CONSTRAINTS=  the newest releases instead of constraints.txt"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Flambeau needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# One stamp per set of extras: installed again only when the project's files say so.
$(VENV)/installed-%: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(PIP) install $(addprefix --constraint ,$(CONSTRAINTS)) --editable ".$(if $(filter base,$*),,[$*])"
	@touch $@

journey: $(VENV)/installed-base
	$(BIN)/flambeau journey

test: $(VENV)/installed-test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

mutants: $(VENV)/installed-test
	$(BIN)/python tests/mutations/run.py $(MUTANTS)

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-bench
	$(BIN)/python benchmarks/run.py

reproduce: $(VENV)/installed-base
	$(BIN)/python reproductions/$(subst -,_,$(NAME)).py

clean:
	rm -rf .venv .venv-* .jax_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
