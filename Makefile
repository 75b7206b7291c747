# Two commands: `make run` and `make test`. Needs git, make, Python 3.11 and a package index; the rest is built in .venv.
PYTHON ?= python3.11
BIN := .venv/bin
export DO_NOT_TRACK := true
# Python compiles each module once, not in each of the processes that a run or the tests start: half of their time.
unexport PYTHONDONTWRITEBYTECODE
# Collecting these tests imports Prefect, which takes seconds.
NO_SERVER := $(addprefix --ignore-glob=*/test_,acquire.py publish.py server_values.py derive.py dvc.py)
export DVC_NO_ANALYTICS := 1

.PHONY: run test test-tools check types units orders operations audit up down doctor bench bench-templates bench-alibaba bench-cache bench-track-b bench-code label-accuracy bootstrap lock clean help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: .venv/base  ## make both tracks' training sets from generated sample data
	$(BIN)/python flows/track_a.py
	$(BIN)/python flows/track_b.py

test: .venv/dev  ## run every test, with coverage; ARGS chooses some, without
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m "not operations" --cov --cov-report= $(ARGS)
	@$(if $(ARGS),,$(BIN)/python -m tests.coverage_floors)

test-tools:  ## install chromium, Prometheus and tini for tests that need them, else they skip (Debian, as root)
	apt-get update -q && apt-get install -qy --no-install-recommends \
	    chromium prometheus prometheus-alertmanager prometheus-pushgateway tini

check: .venv/dev  ## style, allowed imports, types and pure tests: less than a minute
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target types units

types: .venv/dev  ## check types of schemas and tasks
	$(BIN)/mypy schemas tasks

units: .venv/dev  ## run the pure tests, without the long laws
	$(BIN)/python -m pytest -q -m "unit and not slow" -n 2 -p no:cacheprovider tests/schemas tests/tasks $(NO_SERVER)

orders: .venv/dev  ## run every test in five random orders: no test may depend on another
	@for seed in 1 2 3 4 5; do \
	    $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not operations" -p randomly --randomly-seed=$$seed $(ARGS) || exit 1; \
	done

bench: .venv/bench bench-templates bench-alibaba bench-cache bench-track-b bench-code  ## run every benchmark, as ratios to other tools in the same run
	$(BIN)/python -m tests.benchmarks.bench_templates speed

bench-templates: .venv/bench  ## accuracy of log templates on real logs
	$(BIN)/python -m tests.benchmarks.bench_templates quality

bench-alibaba: .venv/bench  ## time of DS1 at full size, against only reading the CSV
	$(BIN)/python -m tests.benchmarks.bench_alibaba

bench-cache: .venv/bench  ## a cached run against the first
	$(BIN)/python -m tests.benchmarks.bench_cache

bench-track-b: .venv/bench  ## near duplicates, personal data, JSON lines, manifests and posts, against other tools
	$(BIN)/python -m tests.benchmarks.bench_minhash
	$(BIN)/python -m tests.benchmarks.bench_pii
	$(BIN)/python -m tests.benchmarks.bench_verify
	$(BIN)/python -m tests.benchmarks.bench_the_stack
	$(BIN)/python -m tests.benchmarks.bench_posts

bench-code: .venv/bench  ## the code corpus: near duplicates at two sizes, and the whole flow
	$(BIN)/python -m tests.benchmarks.bench_near_duplicates
	$(BIN)/python -m tests.benchmarks.bench_code_corpus

label-accuracy: .venv/dev  ## precision and recall of every DS2 label rule on 300 lines labelled by hand
	$(BIN)/python -m tests.tasks.pipelines.ds2_loghub.test_label_rules

operations: .venv/dev  ## test outages and queues on real servers (takes minutes)
	$(BIN)/python -m pytest -m operations $(ARGS)

audit: .venv/dev  ## look for unreviewed secrets and for known vulnerabilities of locked packages
	$(BIN)/python -m tests.audit
	$(BIN)/pip-audit --strict --no-deps --disable-pip -r deployments/requirements.txt

up: .venv/base  ## start a local Prefect server and a worker in the background, with all deployments
	$(BIN)/python -m deployments.up start

down: .venv/base  ## stop what `make up` started
	$(BIN)/python -m deployments.up stop

doctor: .venv/base  ## check this installation; print the command that fixes each fault
	$(BIN)/python -m deployments.doctor

bootstrap: .venv/base  ## create or update pools, blocks, thresholds, automations and deployments on the server
	$(BIN)/python -m deployments.bootstrap $(ARGS)

lock: .venv/uv  ## compile the version ranges of pyproject.toml to the four lock files
	$(BIN)/uv pip compile -q --no-header --no-emit-index-url pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --no-header --no-emit-index-url pyproject.toml --extra production -c requirements.txt -o deployments/requirements.txt
	$(BIN)/uv pip compile -q --no-header --no-emit-index-url pyproject.toml --extra dev -c deployments/requirements.txt -o tests/requirements.txt
	$(BIN)/uv pip compile -q --no-header --no-emit-index-url pyproject.toml --extra dev --extra bench -c tests/requirements.txt -o tests/benchmarks/requirements.txt

clean:  ## remove .venv, build/ and caches; data/ stays
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .coverage* *.egg-info

.venv/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	@touch $@

.venv/base: .venv/uv requirements.txt pyproject.toml
	$(BIN)/uv pip install -q --python $(BIN)/python -r requirements.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/dev: .venv/base tests/requirements.txt
	$(BIN)/uv pip install -q --python $(BIN)/python -r tests/requirements.txt
	@touch $@

.venv/bench: .venv/dev tests/benchmarks/requirements.txt
	$(BIN)/uv pip install -q --python $(BIN)/python -r tests/benchmarks/requirements.txt
	@touch $@
