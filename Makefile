# `make help` lists what there is.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
LIVE ?= live
BENCH := .venv-bench
AIRFLOW ?= .venv-airflow
WORKERS ?= 2
# A file of tests stays in one process: its tests share servers and schools.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.done: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.done ## Make .venv with everything pinned

.PHONY: demo
demo: setup ## Simulate two weeks of a school, run batch and rollup, show the answers
	$(BIN)/python -m pipelines.demo --folder=$(DEMO)

.PHONY: live
live: setup ## A simulated school live: Kafka, Redis, Flink, the stream, a view (Java 17, Maven)
	$(BIN)/python -m pipelines.live_demo --folder=$(LIVE)

.PHONY: test
test: setup ## Run the tests
	$(PYTEST) -m "not faults"

.PHONY: test-faults
test-faults: setup ## Kill every part of a stream under load; other tests of many minutes (Java 17, Maven)
	$(BIN)/python -m pytest -m faults -rs

.PHONY: terraform-test
terraform-test: setup ## Validate, plan and scan the infrastructure (Terraform; Go builds the provider once)
	$(BIN)/python -m pytest tests/terraform

.PHONY: airflow-setup
airflow-setup: $(AIRFLOW)/.done ## Make .venv-airflow, in which the DAGs of orchestration/ run

$(AIRFLOW)/.done: orchestration/requirements.txt
	$(PYTHON) -m venv --clear $(AIRFLOW)
	$(AIRFLOW)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-compile -r $<
	@touch $@

.PHONY: check
check: setup ## Format, lint, types, unit tests, generated files: fast
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m schemas.generate --check
	$(BIN)/python -m pipelines.describe_options --check
	$(BIN)/python -m pipelines.describe_templates --check
	$(BIN)/python -m pipelines.describe_lineage --check
	$(BIN)/python -m pipelines.describe_queries --check
	$(PYTEST) -m "not slow and not faults"

.PHONY: format
format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: generate
generate: setup ## Write what is generated: schemas, dictionary, options, templates, lineage, questions
	$(BIN)/python -m schemas.generate
	$(BIN)/python -m pipelines.describe_options
	$(BIN)/python -m pipelines.describe_templates
	$(BIN)/python -m pipelines.describe_lineage
	$(BIN)/python -m pipelines.describe_queries

.PHONY: bench
bench: setup $(BENCH)/.done ## Compare with DuckDB and PySpark on 1 M and 10 M events (Java 17, an hour)
	$(BIN)/python -m benchmarks.compare --spark_python=$(BENCH)/bin/python

.PHONY: bench-streaming
bench-streaming: setup ## Latency, lag and memory of the whole stream (Java 17, Maven; 25 minutes)
	$(BIN)/python -m benchmarks.bench_streaming --rate=2000 --seconds=600
	$(BIN)/python -m benchmarks.bench_streaming --rate=500 --seconds=300
	$(BIN)/python -m benchmarks.bench_flush

.PHONY: bench-rollup
bench-rollup: setup ## A year of 10,000 students: range tables and questions (a quarter of an hour)
	$(BIN)/python -m benchmarks.bench_rollup

$(BENCH)/.done: benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

.PHONY: clean
clean: ## Remove the demo and caches
	rm -rf $(DEMO) $(LIVE) .pytest_cache .mypy_cache .ruff_cache .hypothesis
