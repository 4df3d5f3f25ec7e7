# Souk. `make` alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test prove compiled conformance check format schema matrix migration lock where clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
SOURCES := souk tests $(wildcard benchmarks)
# Each file of tests runs in one of so many processes, each with a PostgreSQL of its own; over a server that is named, in one.
WORKERS := $(if $(SOUK_DATABASE_URL),0,2)
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# The state of the API that clients rely on: `make check BASE=main` before a merge.
BASE := HEAD

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# One line that names what a machine lacks, instead of a traceback.
$(READY): requirements.lock
	@set -e; python=; \
	for each in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$each"; break; fi; \
	done; \
	[ -n "$$python" ] || { echo 'souk needs Python 3.11 or newer (package python3)' >&2; exit 1; }; \
	"$$python" -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "souk needs the venv module of $$python (package python3-venv)" >&2; exit 1; }; \
	"$$python" -m venv --clear $(VENV); \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "souk needs pip in $$python" >&2; exit 1; }; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	site=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	pwd > "$$site/souk.pth"; \
	printf '#!%s/$(BIN)/python\nfrom souk.cli import app\n\napp()\n' "$$(pwd)" > $(BIN)/souk; \
	chmod +x $(BIN)/souk; \
	$(BIN)/python -m compileall -q souk; \
	touch $@

run: $(READY) ## Everything at http://127.0.0.1:8000 (SOUK_PORT), until Ctrl-C
	@exec $(BIN)/souk run

test: check compiled ## The checks, then every proof at small size
	@$(PYTEST)

prove: compiled ## The same tests at full size
	@$(PYTEST) --prove

# Tests start the program many times over: without its bytecode each start compiles all of it first.
compiled: $(READY)
	@$(BIN)/python -m compileall -q souk tests

conformance: $(READY) ## Other people's clients against a server of its own (needs Node 20 and npm)
	@$(BIN)/python -m tests.conformance.run

check: $(READY) ## Style, types, import contracts, the schema's promises, models against migrations
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@against=; if git show $(BASE):schema.graphql > $(VENV)/base.graphql 2>/dev/null; then \
	  against="--against $(VENV)/base.graphql"; fi; $(BIN)/souk schema check $$against
	@$(BIN)/souk documents check
	@$(BIN)/souk migration check

format: $(READY) ## Put the sources in order
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

schema: $(READY) ## Write schema.graphql anew
	@$(BIN)/souk schema print > $(VENV)/new.graphql && mv $(VENV)/new.graphql schema.graphql

matrix: $(READY) ## Who may do what
	@$(BIN)/souk matrix

migration: $(READY) ## Draft a migration from what the models say, m="what it does"
	@$(BIN)/souk migration new "$(m)"

lock: ## Pin every dependency with its hashes (needs uv)
	@uv pip compile --quiet --universal --generate-hashes --extra dev --no-annotate --no-header \
	  --python-version 3.11 --output-file requirements.lock pyproject.toml

where: ## Every file of a domain, D=offer
	@[ -n "$(D)" ] || { echo 'say which domain: make where D=offer' >&2; exit 1; }
	@found=$$(find souk tests -path '*/__pycache__' -prune -o -type f -print | grep -E '(/|_)$(D)(s?\.|/|_)' | sort); \
	[ -n "$$found" ] || { echo 'no file is called $(D)' >&2; exit 1; }; echo "$$found"

clean: ## Forget the virtual environment; the data stay
	@rm -rf $(VENV)
