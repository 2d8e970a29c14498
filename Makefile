# Everything runs in a virtual environment of its own, made from constraints.txt. `make` lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Two test files at a time on two cores; more than four at a time would want more memory than most machines have.
SIDE_BY_SIDE = --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder
# What an installation is made of; the Python files are used where they are.
NATIVE = $(wildcard $(addprefix jaxcollapse/native/*.,cpp cu h))
SOURCES = pyproject.toml constraints.txt hatch_build.py

.DEFAULT_GOAL := help
.PHONY: help quickstart test claims system everything check native sanitize format bench experiments notebooks generated site wheel clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /    make \1\t/' | expand -t 24

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.user: $(SOURCES) $(NATIVE) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[words,report]'
	@touch $@

$(VENV)/.developer: $(SOURCES) | $(VENV)/bin/python
	JAXCOLLAPSE_WERROR=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[words,report,test]'
	@touch $@

$(VENV)/.test: $(VENV)/.developer $(NATIVE)
	JAXCOLLAPSE_WERROR=1 $(BIN)/python -m hatch_build
	@touch $@ $(VENV)/.user

quickstart: $(VENV)/.user ## Run sweeps/quickstart.toml on real language-model logits and say where to look
	$(BIN)/jaxcollapse run sweeps/quickstart.toml
	$(BIN)/jaxcollapse report results/quickstart

test: check ## Check style and types, and run the quick tests: units, the contract, the files of a study
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not claims and not system"

claims: $(VENV)/.test ## Test the engine against theory, laws and references: also notebooks, and each pair of settings
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m claims

system: $(VENV)/.test ## Test with other programs: Slurm, Chromium, compilers, kills, hostile files, plug-ins, the site
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m system

everything: $(VENV)/.test ## All three in one session, which share what they compile: as continuous integration does
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: $(VENV)/.test ## Check style and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(NATIVE) tests/support/emulated/*

native: $(VENV)/.test ## Compile the native library, as far as its sources have changed

sanitize: $(VENV)/.test ## Test native code with checks of addresses and undefined behaviour: needs GCC
	$(BIN)/python -m tests.support.sanitized

format: $(VENV)/.test ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(NATIVE) tests/support/emulated/*

bench: $(VENV)/.test ## Time jaxcollapse beside its peers, and how it grows: a quarter of an hour
	$(BIN)/python -m benchmarks

experiments: $(VENV)/.test ## Run what pages of docs/ report, and write it there: theory and papers beside the engine, verdicts, studies
	for each in agreement published verdicts studies refinement analysis report; do $(BIN)/python -m experiments.$$each || exit 1; done

notebooks: $(VENV)/.test ## Run the notebooks in analysis/ and keep their outputs
	$(BIN)/python -m tests.support.notebooks

generated: $(VENV)/.test ## Write the files that follow from the code: the schema and the reference pages
	$(BIN)/python -m jaxcollapse.sweep.schema
	$(BIN)/python -m docs.generate

site: $(VENV)/.test ## Build the documentation as a website in site/
	$(BIN)/python -m sphinx -c docs -d .sphinx -W --keep-going --quiet . site
	@echo "open site/index.html"

wheel: ## Build sdist and wheel in dist/, install the wheel in an empty environment, run a shipped sweep
	$(PYTHON) .ci/wheel.py

clean: ## Remove the virtual environment, caches, distributions and results
	rm -rf $(VENV) dist results site .sphinx .objects jupyter_execute
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
