"""All checks, one after the other; one that fails keeps no other from being made."""

from collections.abc import Callable, Iterable, Iterator

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.aws_errors import explain_aws_error, lie_in_credentials
from pipelines.aws_refusals import DENIED
from pipelines.config import Config
from pipelines.doctor.deployment import check_function, check_pipeline, check_stack
from pipelines.doctor.finding import Finding, ok, skipped, to_do
from pipelines.doctor.images import check_images
from pipelines.doctor.quotas import check_quotas
from pipelines.doctor.role import check_role
from pipelines.doctor.storage import check_bucket, check_source
from pipelines.errors import PipelineError
from pipelines.target import Target, connect

Check = Callable[[Target, Config], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "stack": check_stack,
    "bucket": check_bucket,
    "role": check_role,
    "quotas": check_quotas,
    "images": check_images,
    "source": check_source,
    "function": check_function,
}
"""What is looked at of an account, in the order in which a new user would put it right."""
NOT_EMBEDDED = {
    "role": "an embedded SageMaker takes no roles",
    "quotas": "an embedded SageMaker has none",
    "images": "an embedded SageMaker runs none",
}


def examine(config: Config, compile_: Callable[[Config, str], str]) -> Iterator[Finding]:
    """Look at everything that the pipeline needs, wherever the standard AWS configuration points.

    Args:
        config: a preset, not yet placed.
        compile_: makes a definition of a placed configuration for a region; takes seconds.
    """
    try:
        target = connect()
        placed = _place(target, config)
    except PipelineError as error:
        about = "credentials" if lie_in_credentials(error.__cause__) else "connection"
        yield to_do(about, str(error))
        for name in ("region", *CHECKS, "pipeline"):
            yield skipped(name, "nothing can be looked at without credentials and a connection")
        return
    yield from _attempt("credentials", lambda: [_who(target)])
    yield _region(target)
    for name, check in CHECKS.items():
        if name in NOT_EMBEDDED and not target.on_aws:
            yield skipped(name, NOT_EMBEDDED[name])
        else:
            yield from _attempt(name, lambda check=check: check(target, placed))  # type: ignore[misc]
    yield from _attempt("pipeline", lambda: check_pipeline(target, placed, compile_(placed, target.region)))


def _attempt(name: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What a check finds; who may run a pipeline need not be able to look at all of it."""
    try:
        yield from look()
    except (ClientError, BotoCoreError) as error:
        denied = isinstance(error, ClientError) and error.response["Error"].get("Code") in DENIED
        yield (skipped if denied else to_do)(name, explain_aws_error(error))
    except PipelineError as error:
        yield to_do(name, str(error))


def _place(target: Target, config: Config) -> Config:
    """The configuration where it is put; who may not look at stacks is told so by the check of the stack."""
    try:
        return target.place(config)
    except (ClientError, BotoCoreError):
        return target.place_unstacked(config)


def _who(target: Target) -> Finding:
    identity = target.client("sts").get_caller_identity()
    where = "" if target.on_aws else f", of the embedded SageMaker at {target.sagemaker.meta.endpoint_url}"
    return ok("credentials", f"{identity['Arn']}{where}")


def _region(target: Target) -> Finding:
    offered = boto3.Session().get_available_regions("sagemaker", target.partition)
    if target.region in offered:
        return ok("region", f"{target.region} has SageMaker")
    return to_do("region", f"{target.region} is not known to have SageMaker: set AWS_DEFAULT_REGION to one that has it")
