# Every target sets up what it needs. PYTHON chooses the interpreter of the virtual environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INSTALLED := $(VENV)/.installed
ARGS ?=

.PHONY: demo watch test matrix lint bench limits walk soak kills peers frontends package proto format docs changelog screenshots clean

demo: $(READY)
	@$(BIN)/ipymultichat demo $(ARGS)

# The demo, with the bundle built again and shown anew whenever its sources change.
watch: $(READY)
	@$(BIN)/python tests/support/watch.py $(ARGS)

test: lint
	@$(BIN)/python tests/support/chromium_path.py
	@$(BIN)/python tests/support/postgres.py
	@$(BIN)/python tests/support/side_by_side.py $(ARGS)

# The tests on each Python that the metadata promises, and with old versions of dependencies; writes the table of
# docs/versions.md.
matrix: $(READY)
	@$(BIN)/nox $(if $(ARGS),-- $(ARGS))

lint: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python tests/support/typed.py
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python proto/generate.py --check
	@$(BIN)/python js/generate.py --check
	@$(BIN)/python hatch_build.py run check
	@told=$$($(BIN)/towncrier build --draft --version next 2>&1) || { echo "$$told"; exit 1; }

# The rows, most with a baseline, into docs/benchmarks.md and build/bench; GROUP chooses some of inbound,
# connections, start and browser. Panel, a baseline, comes from PyPI.
GROUP ?=
bench: $(READY)
	@$(BIN)/python tests/support/chromium_path.py
	@PYTHONPATH=tests/support $(BIN)/python tests/bench/table.py $(GROUP)

# What has no baseline: a long history on disk, hostile and crowded servers, the server's stores.
limits: $(READY)
	@PYTHONPATH=tests/support $(BIN)/python tests/bench/disk.py
	@$(BIN)/python tests/bench/hostile.py
	@$(BIN)/python tests/bench/crowd.py
	@PYTHONPATH=tests/support $(BIN)/python tests/bench/stores.py

# Every call of ours on the way of a question to the browser, and of a click to the session; fails when one grows too long.
walk: $(READY)
	@MULTICHAT_CONFIG_DIR=build/walk PYTHONPATH=tests/support $(BIN)/python tests/bench/walk.py

# SEEDS random schedules against five servers that fail; QUIRKS=1: servers with the faults of the real one; DURABLE=1:
# servers that keep what they hold in SQLite.
SEEDS ?= 200
soak: $(READY)
	@$(BIN)/python tests/support/soak.py $(SEEDS) $(if $(QUIRKS),--quirks) $(if $(DURABLE),--durable) $(ARGS)

# Servers killed while agents wait: 20 rounds on SQLite, then five minutes with three servers on PostgreSQL.
kills: $(READY)
	@$(BIN)/python tests/support/kills.py 20 500
	@$(BIN)/python tests/support/kills.py --several 300 300

# Programs of others that speak MCP, as they are, against /mcp: what passes of the conformance suite, then clients and
# agents whose questions are answered in a browser. Half a gigabyte from npm.
peers: $(READY)
	@$(BIN)/python tests/support/chromium_path.py
	@$(BIN)/python tests/support/conformance.py
	@$(BIN)/python -m pytest -p no:cacheprovider -m peers tests/browser/test_peers.py $(ARGS)

# The inbox in each frontend, newest or oldest, in environments of their own under build/frontends; writes the table of
# docs/frontends.md, and pictures beside the environments. A gigabyte from PyPI.
frontends: $(READY)
	@$(BIN)/python tests/support/chromium_path.py
	@$(BIN)/python tests/support/frontends.py install
	@$(BIN)/python -m pytest -p no:cacheprovider -m frontends tests/browser/test_frontends.py $(ARGS)
	@$(BIN)/python tests/support/frontends.py table

# The archives, built twice and without a network, and the wheel with each extra in an environment of its own under
# build/package; writes the table of docs/reference/install.md. A gigabyte from PyPI.
package: $(READY)
	@$(BIN)/python tests/support/chromium_path.py
	@$(BIN)/python tests/support/package.py build
	@$(BIN)/python tests/support/package.py install
	@$(BIN)/python tests/support/package.py extras
	@$(BIN)/python -m pytest -p no:cacheprovider -m package tests/browser/test_package.py $(ARGS)
	@$(BIN)/python tests/support/package.py table

proto: $(READY)
	@$(BIN)/python proto/generate.py
	@$(BIN)/python js/generate.py

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/python hatch_build.py run format

# The documentation as pages in build/docs/html; each reference must lead somewhere. ARGS=linkcheck follows links outside, too.
docs: $(READY)
	@set -e; for builder in html doctest $(ARGS); do \
		$(BIN)/sphinx-build -q -W --keep-going -n -b $$builder -d build/doctrees docs build/docs/$$builder; \
	done
	@$(BIN)/python tests/support/pages.py build/docs/html

# What the files in changes will say in CHANGELOG.md.
changelog: $(READY)
	@$(BIN)/towncrier build --draft --version next

# Pictures of the main states at three widths, light and dark, in build/screenshots.
screenshots: $(READY)
	@$(BIN)/python tests/support/chromium_path.py
	@$(BIN)/python tests/support/screenshots.py

clean:
	rm -rf $(VENV) js/node_modules src/ipymultichat/static dist build

# The bundle is built again when its sources change.
$(READY): $(INSTALLED) $(shell find js/src -type f)
	@$(BIN)/python hatch_build.py
	@touch $(READY)

# Installed again when the list of dependencies changes.
$(INSTALLED): pyproject.toml hatch_build.py js/package-lock.json js/package.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; name one with PYTHON=…"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "the module venv is missing (on Debian: apt-get install python3-venv)"; rm -rf $(VENV); exit 1; }
	@echo "setting up $(VENV) with what pyproject.toml and js/package.json name: some minutes the first time, 2 GB"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable ".[dev]"
	@touch $(INSTALLED)
