# footpath's commands. A machine needs Python 3.11 and make; everything else is installed below this folder.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python -m
UV := .uv/bin/uv
READY := $(VENV)/.ready
# Two files of tests at a time; each worker builds the shared sample once.
WORKERS := --numprocesses 2 --dist loadfile

export PYTHONWARNINGS = ignore
export UV_PYTHON_DOWNLOADS = never
export DAGSTER_DISABLE_TELEMETRY = yes
export DO_NOT_TRACK = 1

.DEFAULT_GOAL := help
.PHONY: help demo run release alerts quarantine refresh rebuild explain erase plan-init plan-check plan-import suite-init dev docs browser test test-long cases backtest bench lint format clean

help: ## Show the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "footpath needs Python 3.11: set PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

$(READY): $(UV) pyproject.toml uv.lock
	@$(UV) sync --frozen --quiet --python $(PYTHON)
	@touch $@

demo: $(READY) ## Write sample dumps, run everything on them, show what came out
	@$(RUN) orchestration.demo

run: $(READY) ## Load, model, check and publish what is new (FULL_REFRESH=1 builds everything again)
	@$(RUN) orchestration.run $(if $(FULL_REFRESH),--full-refresh)

release: $(READY) ## Let a held batch in: make release BATCH=id
	@$(RUN) orchestration.release $(BATCH)

alerts: $(READY) ## Show what is wrong (SHOW=key, ROWS=key, ACK=key, SNOOZE=key UNTIL=8h, RESOLVE=key, SEND=1, TRY=address)
	@$(RUN) orchestration.alerts $(if $(SHOW),show "$(SHOW)",$(if $(ROWS),rows "$(ROWS)",$(if $(ACK),ack "$(ACK)",$(if $(SNOOZE),snooze "$(SNOOZE)" "$(UNTIL)",$(if $(RESOLVE),resolve "$(RESOLVE)",$(if $(SEND),send,$(if $(TRY),try "$(TRY)",list)))))))

quarantine: $(READY) ## Show what could not become events (SHOW=1, DISCARD='why', RESTORE=1, REPLAY=1; REASON=, SOURCE=, FILE=, ROW= choose)
	@$(RUN) orchestration.quarantine $(if $(DISCARD),discard --note "$$DISCARD",$(if $(RESTORE),restore,$(if $(REPLAY),replay,$(if $(SHOW),show,list)))) \
		$(if $(REASON),--reason '$(REASON)') $(if $(SOURCE),--source '$(SOURCE)') $(if $(FILE),--file '$(FILE)') $(if $(ROW),--row '$(ROW)')

refresh: $(READY) ## Build one table again, and what follows from it: make refresh MODEL=sessions
	@$(RUN) orchestration.rebuild model $(MODEL)

rebuild: $(READY) ## Work out some days anew from the raw rows: make rebuild FROM=2026-01-01 TO=2026-01-31
	@$(RUN) orchestration.rebuild days --from "$(FROM)" --to "$(TO)"

explain: $(READY) ## Say where a row came from: make explain EVENT=key (or SESSION=, PERSON=, ROW=source/file:line)
	@$(RUN) orchestration.explain $(if $(EVENT),event "$(EVENT)",$(if $(SESSION),session "$(SESSION)",$(if $(PERSON),person "$(PERSON)",row "$(ROW)"))) $(if $(JSON),--json)

erase: $(READY) ## Erase a person: make erase USER=id (or DEVICE=id, PERSON=person_id), DRY_RUN=1 only shows
	@$(RUN) orchestration.erase $(if $(filter command line,$(origin USER)),--user '$(USER)') $(if $(DEVICE),--device '$(DEVICE)') \
		$(if $(PERSON),--person '$(PERSON)') $(if $(NAMESPACE),--namespace '$(NAMESPACE)') \
		$(if $(DRY_RUN),--dry-run) $(if $(LIFT),--lift)

plan-init: $(READY) ## Write a first tracking plan from the published events (REQUIRED_RATE=0.99)
	@$(RUN) expectations.plan init $(if $(REQUIRED_RATE),--required-rate $(REQUIRED_RATE))

plan-check: $(READY) ## Check the tracking plan, and the latest events by it
	@$(RUN) expectations.plan check

plan-import: $(READY) ## Take a plan over from Segment, RudderStack or Iglu: make plan-import FILE=plan.csv
	@$(RUN) expectations.plan import "$(FILE)"

suite-init: $(READY) ## Write a first suite of checks for a published table: make suite-init TABLE=name (OWNER=team)
	@$(RUN) expectations.starter "$(TABLE)" $(if $(OWNER),--owner "$(OWNER)")

dev: $(READY) ## Open Dagster's page with schedules, sensors and lineage (http://127.0.0.1:3000)
	@$(RUN) orchestration.dev

docs: $(READY) ## Build dbt's documentation of the models of the last run
	@$(RUN) orchestration.docs

browser: ## Install Debian's Chromium, in which the page is tested (needs root)
	@command -v chromium >/dev/null || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; }

test: $(READY) ## Run the tests
	@$(RUN) pytest -m "not long" $(WORKERS)

test-long: $(READY) ## Run the long tests too: kills, many cuts
	@$(RUN) pytest -m long $(WORKERS)

cases: $(READY) ## Put cases with known answers to the analyses: make cases CASES=../shared/cases/analyses.json
	@$(RUN) tests.cases "$(CASES)"

backtest: $(READY) ## Plant faults into simulated and real data and show how well anomalies are found (docs/anomalies.md)
	@$(RUN) expectations.anomalies.backtest $(if $(TRIALS),--trials $(TRIALS)) $(if $(KEEP),--keep $(KEEP))

bench: $(UV) ## Run the benchmarks (SIZE=20 million events instead of 2; PART=build, daily, checks, memory, loading, others or analyses)
	@UV_PROJECT_ENVIRONMENT=.venv-bench $(UV) sync --frozen --quiet --group bench --python $(PYTHON)
	@.venv-bench/bin/python -m benchmarks $(if $(SIZE),--size $(SIZE)) $(if $(PART),--part $(PART))

lint: $(READY) ## Check style, types, SQL and dbt conventions
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(RUN) orchestration.lint

format: $(READY) ## Format the Python code
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

clean: ## Remove what can be made again (never landing/ or var/)
	rm -rf target logs dbt_packages .mypy_cache .ruff_cache .pytest_cache .hypothesis
