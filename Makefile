# What people who learn with the course or edit it type. `make` alone lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Put options here for JupyterLab, e.g. make lab LAB_ARGS="--no-browser"
LAB_ARGS ?=
# Put names here to execute, stamp or lint some notebooks only, e.g. make execute NOTEBOOKS=notebooks/02_*.ipynb
NOTEBOOKS ?=

# Nothing of another environment may leak in.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help lab test test-without-data check execute lint stamp site bench browser colab findings publish-check setup

help: ## list what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

lab: $(VENV)/.lab ## open the course in JupyterLab (the first time it installs what is needed)
	$(BIN)/jupyter lab $(LAB_ARGS) notebooks/00_start_here.ipynb

test: check ## style, the rules for notebooks, tests, every notebook
	$(BIN)/python -m pytest tests -n 2 --dist loadfile
	$(BIN)/python tools/notebooks.py test

test-without-data: $(VENV)/.dev ## the notebooks that load images, once more with the embedded digits only
	$(BIN)/python tools/notebooks.py test --without-data

check: lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

execute: $(VENV)/.dev ## run notebooks from a clean kernel and store their outputs
	$(BIN)/python tools/notebooks.py execute $(NOTEBOOKS)

lint: $(VENV)/.dev ## check the rules that every notebook keeps
	$(BIN)/python tools/notebooks.py lint $(NOTEBOOKS)

stamp: $(VENV)/.dev ## write set-up cells and Colab badges from the address in pyproject.toml
	$(BIN)/python tools/notebooks.py stamp $(NOTEBOOKS)

site: $(VENV)/.dev ## build the web site from the stored notebooks, into build/site (the first time it films the panels: minutes)
	$(BIN)/python tools/website.py

bench: $(VENV)/.dev ## measure what README's table of speeds says
	$(BIN)/python tools/bench.py

browser: $(VENV)/.dev ## every notebook and panel in a real JupyterLab, driven by Chromium (takes half an hour)
	$(BIN)/python -m pytest tests/browser --whole

colab: $(VENV)/.dev ## notebooks 00 to 04 and all panels with Colab's versions, in an environment of their own
	$(BIN)/python -m pytest tests/colab --whole

findings: $(VENV)/.dev ## run every script in findings/ (needs a network; takes a quarter of an hour)
	$(BIN)/python tools/findings.py

publish-check: $(VENV)/.dev ## say what a person has to change before publishing, and run the checks for it
	$(BIN)/python tools/publish.py

setup: $(VENV)/.dev ## install what `make test` needs

# Each file marks a finished installation; it is made again when the versions change.
$(VENV)/.lab: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[lab]"
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.lab

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("The course needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ". Name another one: make lab PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "No environment could be made; on Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
