# What people type. `make run` and `make test` set up everything they need by themselves.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
CODE := src tests tools $(wildcard bench verifier)
TYPED := src tools $(wildcard bench verifier/src)

.PHONY: run test bench bench-ledger bench-resilience peers lint format types clean lock setup-run setup-test

run: export TRADESENSE_DEMO ?= yes
run: setup-run  ## start the platform with a demo trader; Ctrl-C stops all of it
	@exec $(BIN)/tradesense up

test: lint types  ## format, lint, types, import contracts, house rules, all tests
	$(BIN)/python -m pytest -n 2

lint: setup-test  ## format and lint, changing nothing; which module may import which
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/lint-imports

types: setup-test  ## mypy, strict
	$(BIN)/mypy $(TYPED)

format: setup-test  ## rewrite the code in the house's format
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

bench: setup-test  ## every benchmark, side by side with what it is held against
	$(BIN)/python -m bench

bench-ledger: setup-test .tools/bench/made  ## transfers, stories and a peer, in ratios to pgbench
	$(BIN)/python -m bench.ledger
	$(BIN)/python -m bench.stories

bench-resilience: setup-test .tools/bench/made  ## our breaker and its peers: who passes what, at what cost
	PYTHONPATH=src:tests .tools/bench/bin/python -m bench.breakers.battery
	PYTHONPATH=src .tools/bench/bin/python -m bench.resilience

peers: setup-test .tools/peers/made  ## hold our providers against servers that are not ours
	$(BIN)/python -m pytest -q tests/contracts/payments/test_peer.py

.tools/peers/made: requirements/peers.lock
	$(BIN)/python -m venv .tools/peers
	.tools/peers/bin/pip install --quiet --require-hashes --no-deps --requirement $<
	touch $@

.tools/bench/made: requirements/bench.lock
	$(BIN)/python -m venv .tools/bench
	.tools/bench/bin/pip install --quiet --require-hashes --no-deps --requirement $<
	touch $@

lock: setup-test  ## pin newer versions; the only target that changes requirements/*.lock
	.venv/bin/python -m venv .tools/lock && .tools/lock/bin/pip install --quiet uv
	$(LOCK) pyproject.toml requirements/build.in -o requirements/run.lock
	$(LOCK) pyproject.toml requirements/build.in --extra dev -c requirements/run.lock \
	  -o requirements/test.lock
	$(LOCK) requirements/bench.in -o requirements/bench.lock
	$(LOCK) requirements/peers.in -o requirements/peers.lock
	$(LOCK) requirements/node.in -o requirements/node.lock
	npm install --package-lock-only --omit-lockfile-registry-resolved

LOCK := .tools/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-header

clean:  ## remove what was made; your data in .tradesense stay
	rm -rf .venv .tools src/tradesense/app/web/static/vendor
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup-run setup-test: setup-%:
	@$(PYTHON) tools/setup.py $*
