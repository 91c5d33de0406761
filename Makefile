# Every target sets up what it needs: Python 3.11 and make are all a new machine must have.
.DEFAULT_GOAL := help
.PHONY: help demo local policies deploy-stack delete-stack validate upsert-pipeline diff cost prices start watch schedule unschedule status logs stop repeat doctor models approve reject endpoint invoke teardown push weights audit images push-images compile test test-slow test-images bench api-table compare-recipes format clean

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIPELINES := $(BIN)/python -m pipelines

# What every command works on.
PRESET ?= abid
export PRESET

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.everything ## Run the whole pipeline on this machine: photos to registered model (DATA=folder or s3:// URI, IMAGES=2000)
	@$(PIPELINES) demo $(if $(DATA),--data "$(DATA)") $(if $(IMAGES),--images "$(IMAGES)")

local: $(VENV)/.everything ## Run the embedded SageMaker in the foreground and print how to use it (PORT=4599, RUNTIME=container, RECORD=calls.jsonl)
	@$(BIN)/python -m pipelines.local $(if $(PORT),--port "$(PORT)") $(if $(RUNTIME),--runtime "$(RUNTIME)") $(if $(RECORD),--record "$(RECORD)")

policies: $(VENV)/.operator ## Write the IAM policies of those who deploy and operate the pipeline (PRESET=abid, TO=.local/policies)
	@$(PIPELINES) policies $(if $(TO),--to "$(TO)")

deploy-stack: $(VENV)/.operator ## Put up what the pipeline needs: bucket, key, roles, functions, alarms (PRESET=abid, YES=1 to remove or replace)
	@$(PIPELINES) deploy-stack $(if $(YES),--yes)

delete-stack: $(VENV)/.operator ## Remove the stack; its data stays (WITH_DATA=1: remove it, too)
	@$(PIPELINES) delete-stack $(if $(WITH_DATA),--with-data)

validate: $(VENV)/.operator ## Check the pipeline by AWS's limits and our policies, without credentials or network (RULES=1 lists them)
	@$(PIPELINES) validate $(if $(RULES),--rules)

upsert-pipeline: $(VENV)/.operator ## Create or update the pipeline on AWS, or wherever AWS_ENDPOINT_URL points (PRESET=abid)
	@$(PIPELINES) upsert-pipeline

diff: $(VENV)/.operator ## Tell what upsert-pipeline would change of the deployed pipeline, in words
	@$(PIPELINES) diff

cost: $(VENV)/.operator ## Tell what an execution and a month cost (EVERY="rate(7 days)", EXECUTION=latest, REGION=)
	@$(PIPELINES) cost $(if $(EVERY),--every "$(EVERY)") $(if $(EXECUTION),--execution "$(EXECUTION)") $(if $(REGION),--region "$(REGION)")

prices: $(VENV)/.operator ## Read prices anew from AWS into pipelines/cost/prices.csv (REGION=us-east-1; all known ones by default)
	@$(PIPELINES) prices $(if $(REGION),--region "$(REGION)")

start: $(VENV)/.operator ## Start an execution (PARAMETERS="SourceUri=s3://... MaxCount=5")
	@$(PIPELINES) start $(foreach pair,$(PARAMETERS),-p "$(pair)")

watch: $(VENV)/.operator ## Follow the execution that was started last
	@$(PIPELINES) watch

status: $(VENV)/.operator ## Tell how pipeline, executions, schedule, model and endpoint stand
	@$(PIPELINES) status

logs: $(VENV)/.operator ## Print the log of a step's jobs (STEP=Train FOLLOW=1 LINES=100)
	@$(PIPELINES) logs "$(STEP)" $(if $(FOLLOW),-f) $(if $(LINES),--lines "$(LINES)")

stop: $(VENV)/.operator ## Stop the execution that runs, and wait until nothing of it does
	@$(PIPELINES) stop

repeat: $(VENV)/.everything ## Run a step's job again on this machine, on what it read (STEP=Train)
	@$(PIPELINES) repeat "$(STEP)"

doctor: $(VENV)/.operator ## Look whether all that the pipeline needs is there, and say what to do
	@$(PIPELINES) doctor

schedule: $(VENV)/.operator ## Start the pipeline by itself, unless it is running (SCHEDULE="rate(7 days)" TIMEZONE=Europe/Berlin)
	@$(PIPELINES) schedule "$(SCHEDULE)" $(if $(TIMEZONE),--timezone "$(TIMEZONE)")

unschedule: $(VENV)/.operator ## Start the pipeline by hand alone again
	@$(PIPELINES) unschedule

models: $(VENV)/.operator ## List the registered models, their figures, their approval, and which answers
	@$(PIPELINES) models

approve: $(VENV)/.operator ## Approve a registered model (VERSION=, COMMENT=; the latest by default)
	@$(PIPELINES) approve $(VERSION) $(if $(COMMENT),--comment "$(COMMENT)")

reject: $(VENV)/.operator ## Reject a registered model (VERSION=, COMMENT=; the latest by default)
	@$(PIPELINES) reject $(VERSION) $(if $(COMMENT),--comment "$(COMMENT)")

endpoint: $(VENV)/.operator ## Tell how the endpoint stands and which model answers
	@$(PIPELINES) endpoint

invoke: $(VENV)/.operator ## Ask the endpoint about a photo (IMAGE=photo.jpg EXPECT=3)
	@$(PIPELINES) invoke "$(IMAGE)" $(if $(EXPECT),--expect "$(EXPECT)")

teardown: $(VENV)/.operator ## Remove what costs money: the endpoint and what was made for it
	@$(PIPELINES) teardown

push: $(VENV)/.operator ## Send a folder of photos to the bucket (FOLDER=, TO=s3://bucket/prefix; the preset's source by default)
	@$(PIPELINES) push "$(FOLDER)" $(if $(TO),"$(TO)")

weights: $(VENV)/.everything ## Put torchvision's ImageNet weights into the bucket (ARCHITECTURE=resnet50); needs internet
	@$(PIPELINES) weights "$(ARCHITECTURE)"

audit: $(VENV)/.operator ## Compare a folder of bins with the records, by the approved model (DATA=folder or s3:// URI)
	@$(PIPELINES) audit --data "$(DATA)"

images: $(VENV)/.operator ## Build the container images whose inputs have changed, with docker, podman or buildah (NAMES=serving, BASE=, INSTEAD=)
	@$(PIPELINES) images $(NAMES) --base "$(BASE)" --instead "$(INSTEAD)"

push-images: $(VENV)/.operator ## Build the images, push them to ECR, and lock the presets to their digests (NAMES=, BASE=, INSTEAD=)
	@$(PIPELINES) push-images $(NAMES) --base "$(BASE)" --instead "$(INSTEAD)"

compile: $(VENV)/.operator ## Print the pipeline definition as JSON, without credentials or network
	@$(PIPELINES) compile

test: $(VENV)/.everything ## Lint, check types and run the tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow and not benchmark" -n 2 --dist loadfile

test-slow: $(VENV)/.everything ## Run the tests that take minutes
	$(BIN)/pytest -m "slow and not images"

test-images: $(VENV)/.everything ## Build the three container images and run jobs and an endpoint in them (as root, on Debian 12)
	@for tool in mmdebstrap buildah runc podman; do command -v $$tool > /dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; fi
	$(BIN)/pytest tests/containers -m "images or not images" -s

api-table: $(VENV)/.everything ## Write pipelines/local/API.md: what the embedded SageMaker answers, and the tests that show it
	$(BIN)/python tests/api_table.py

compare-recipes: $(VENV)/.everything ## Train the published recipe and ours on real photos and compare them (DATA=, RECIPES="published ours", SIZE=96, EPOCHS=12, SEEDS=3)
	$(BIN)/python tests/benchmarks/recipes "$(DATA)" $(if $(SIZE),--size "$(SIZE)") $(if $(EPOCHS),--epochs "$(EPOCHS)") $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(RECIPES),--recipes $(RECIPES))

bench: $(VENV)/.everything ## Measure speed against references
	$(BIN)/pytest tests/benchmarks -m benchmark -s

format: $(VENV)/.everything ## Format the code and sort its imports
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## Remove the virtual environment and everything made locally
	rm -rf $(VENV) .local .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "error: $(PYTHON) cannot make a virtual environment: install Python 3.11 with its venv module (python3.11-venv), or set PYTHON="; exit 1; }

$(VENV)/.operator: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what an operator needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.everything: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing everything into $(VENV): about 6 GB, mostly PyTorch; a few minutes ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[processing,training,serving,local,demo,dev]"
	@touch $(VENV)/.operator $@
