# make run: the site on http://localhost:6543. make test, make check: all that proves it.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test faults wapiti schemathesis bench check format lock sbom clean screenshots translations

# HTTP_PORT and DATA_DIR, in the environment or behind `make run`, override the ini file.
run: .venv/installed
	@exec $(BIN)/microblog -c development.ini run

# Three processes, each with a document server of its own: half of the time a test waits.
# PYTEST: more for pytest. Without Chromium, or without Node, tests can be left out:
# make test PYTEST="--ignore=tests/browser --ignore=tests/judges"
test: .venv/installed-for-tests
	$(BIN)/pytest -n 3 --dist worksteal -m "not long" $(PYTEST)

# Servers frozen, killed and slow, full disks, clocks that jump; writes docs/faults.md.
faults: .venv/installed-for-tests
	FAULTS_TABLE=docs/faults.md $(BIN)/pytest --no-cov -m "long or fault" \
	    --ignore=tests/judges/test_wapiti.py $(PYTEST)

# A scanner that attacks every form (pipx install wapiti3), five minutes.
wapiti: .venv/installed-for-tests
	$(BIN)/pytest --no-cov tests/judges/test_wapiti.py $(PYTEST)

# Requests that follow the document of the API, and requests that do not: so many (CASES,
# 200) of each kind for every operation.
schemathesis: .venv/installed-for-schemathesis
	$(BIN)/pytest --no-cov tests/functional/test_schemathesis.py $(PYTEST)

# How fast it is, against constants from Pyramid and against Kinto; writes docs/bench.
# DATA: a folder with make_jsonl.py; BENCH: more options, as in
# make bench BENCH="--sizes 2000 --only user_json,ceiling_json" (--help lists them).
bench: .venv/installed-for-bench
	$(BIN)/python -m tests.bench --profile $(if $(DATA),--data $(DATA)) $(BENCH)

check: .venv/installed-for-tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-for-tests
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Pictures of the pages for docs/screenshots. DATA: JSON Lines, as `microblog import`
# reads them, with people to show; without it, there are those of the browser tests.
screenshots: .venv/installed-for-tests
	$(BIN)/python -m tests.browser.screenshots $(DATA)

# The exact versions and hashes of all that is installed, for `make` and CI.
COMPILE := $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-header \
    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe
lock: .venv/installed-for-tests
	$(BIN)/pip install --quiet pip-tools
	$(COMPILE) --extra embedded --output-file requirements.txt setup.cfg
	$(COMPILE) --extra embedded --extra client --extra tracing --extra test --constraint requirements.txt \
	    --output-file requirements-test.txt setup.cfg

# What is installed, as a bill of materials (CycloneDX): build/sbom.json.
sbom: .venv/installed
	$(BIN)/pip install --quiet cyclonedx-bom
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements --output-reproducible --of JSON \
	    -o build/sbom.json requirements.txt
	@echo build/sbom.json

INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
# The lists are whole. Left to look for more, older versions of pip meet `coverage[toml]`
# and want its newest version, for which there is no hash.
LOCKED := $(INSTALL) --require-hashes --no-deps
.venv/installed: requirements.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(LOCKED) -r requirements.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-for-tests: .venv/installed requirements-test.txt
	$(LOCKED) -r requirements-test.txt
	@touch $@

.venv/installed-for-schemathesis: .venv/installed-for-tests
	$(INSTALL) --no-build-isolation -e '.[schemathesis]'
	@touch $@

.venv/installed-for-bench: .venv/installed-for-tests
	$(INSTALL) --no-build-isolation -e '.[bench]'
	@touch $@

clean:
	rm -rf .venv tests/judges/node_modules build dist *.egg-info .coverage .hypothesis .*_cache

# After words have changed in templates or code: translate what is new in the .po files
# that this updates, and run it again for the compiled ones.
BABEL := $(BIN)/pybabel
translations: .venv/installed-for-tests
	$(BABEL) -q extract -F pyproject.toml --no-location --omit-header -o .messages.pot .
	$(BABEL) -q update -D microblog -d microblog/locale -i .messages.pot --ignore-pot-creation-date --no-fuzzy-matching --ignore-obsolete -w 88
	$(BABEL) -q compile -D microblog -d microblog/locale
	@rm .messages.pot
