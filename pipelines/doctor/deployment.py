"""What is deployed: the stack, the function that puts models live, the pipeline."""

import base64
import hashlib
from collections.abc import Iterator

from pipelines.config import Config
from pipelines.diff.deployed import read_deployed, upsert_changes
from pipelines.doctor.finding import Finding, ok, to_do
from pipelines.stack.code import archive, function_files
from pipelines.stack.found import WHOLE, find_stack
from pipelines.surroundings import remedy
from pipelines.target import Target


def check_stack(target: Target, config: Config) -> Iterator[Finding]:
    """The CloudFormation stack that is named as the pipeline: it is there, and whole."""
    stack = find_stack(target.client("cloudformation"), config.name)
    if stack is None:
        yield to_do("stack", f"there is no stack {config.name}: `make deploy-stack` creates it")
        return
    status, reason = stack.status, f" ({stack.reason})" if stack.reason else ""
    if status in WHOLE:
        yield ok("stack", f"{config.name} is {status}")
    elif stack.under_way:
        yield to_do("stack", f"{config.name} is {status}: wait until it has ended, then ask again")
    else:
        yield to_do("stack", f"{config.name} is {status}{reason}: run `make deploy-stack` again")


def check_function(target: Target, config: Config) -> Iterator[Finding]:
    """The function that puts approved models live: it is there, active, and runs this checkout's code."""
    if config.deploy is None:
        return
    name = config.deploy.function.rpartition(":")[2]
    functions = target.client("lambda")
    try:
        found = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException:
        yield to_do("function", f"there is no function {name}: {remedy(target, config.name, config.deploy.function)}")
        return
    if found.get("State", "Active") not in ("Active", "Inactive"):  # one that nobody calls falls asleep
        yield to_do("function", f"{name} is {found['State']} ({found.get('StateReason', 'no reason is given')})")
    elif found["CodeSha256"] != base64.b64encode(hashlib.sha256(archive(function_files())).digest()).decode():
        yield to_do(
            "function", f"{name} runs other code than this checkout's: `make deploy-stack` brings it up to date"
        )
    else:
        yield ok("function", f"{name} is active, with this checkout's code")


def check_pipeline(target: Target, config: Config, definition: str) -> Iterator[Finding]:
    """The pipeline: it is deployed, and as this checkout declares it.

    Args:
        target: where it should be.
        config: the configuration, placed in the target.
        definition: what `compile_definition` made of it.
    """
    deployed = read_deployed(target, config.name)
    if deployed is None:
        yield to_do("pipeline", f"there is no pipeline {config.name}: `make upsert-pipeline` creates it")
    elif changed := upsert_changes(deployed, config, definition):
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        yield to_do(
            "pipeline", f"`make upsert-pipeline` would change {config.name}: {changed[0]}{more}, see `make diff`"
        )
    else:
        yield ok("pipeline", f"{config.name} is as this checkout declares it")
