# make demo [CHECK=1] [DEVICES=12] [PORT=8080]   a living fleet on this machine
# make test [ARGS="tests/unit -k name"]          every test this machine can run
# make lint | format | docs | pictures | bench | constraints | clean
#
# The first run makes .venv with the pinned set (constraints.txt). PY=/path/to/python uses an
# interpreter that has everything already.

# The demo and the tests start many processes of the same code: it is compiled once, not in each.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV ?= .venv
# One test more at a time than there are cores: those of servers and browsers wait a good deal. Each
# process starts a PostgreSQL and a Redis, once, and takes whole modules, so that what the tests of one
# share (a demo that runs, a fleet) is made once; tests/turns.py says in which order.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
ARGS ?=

RUN_EXTRAS := embedded,host,simulator
TEST_EXTRAS := $(RUN_EXTRAS),bench,ldap,oidc,postgres,s3,test

ifdef PY
bootstrap = @:
else
PY := $(VENV)/bin/python
bootstrap = @$(PYTHON) tools/bootstrap.py --venv $(VENV) --extras
endif

# Plain `make` says what there is.
.DEFAULT_GOAL := help

.PHONY: ready-run ready-test demo test lint format docs pictures bench constraints wheel clean help

help:
	@sed -n 's/^# //p; /^$$/q' Makefile

# A no-op when the environment is up to date.
ready-run:
	$(bootstrap) $(RUN_EXTRAS)

ready-test:
	$(bootstrap) $(TEST_EXTRAS)

demo: ready-run
	@exec $(PY) -m host_app.demo $(if $(CHECK),--check) $(if $(DEVICES),--devices $(DEVICES)) \
		$(if $(PORT),--port $(PORT))

test: ready-test
	$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: ready-test
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint(["--no-cache"])'

format: ready-test
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

docs: ready-test
	@mkdir -p docs
	$(PY) -c "from zmdm_plugin.config import document; print(document(), end='')" > docs/settings.md
	$(PY) -c "from zmdm_plugin.services.event_kinds.document import document; print(document(), end='')" > docs/events.md
	$(PY) -m tests.matrix_page > docs/permissions.new && mv docs/permissions.new docs/permissions.md

# The pictures of the README, by the browser tests.
pictures: ready-test
	@mkdir -p docs/images
	ZMDM_TEST_PICTURES=docs/images $(PY) -m pytest -q tests/browser/test_pictures.py

bench: ready-test
	$(PY) -m bench $(ARGS)

constraints: ready-test
	$(PY) -m pip install --upgrade --upgrade-strategy eager -e '.[$(TEST_EXTRAS)]'
	$(PY) tools/constraints.py > constraints.new
	mv constraints.new constraints.txt

wheel: ready-test
	$(PY) -m pip wheel --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf build dist *.egg-info .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf .import_linter_cache
	find zmdm_plugin zmdm_simulator host_app tests bench tools -name __pycache__ -prune \
		-exec rm -rf {} + 2>/dev/null || true
