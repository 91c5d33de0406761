"""The stack's parameters: what a preset says, and what is there already."""

import json
import re
from collections.abc import Iterator, Mapping

from pipelines.config import Config
from pipelines.errors import PipelineError
from steps.deploy.wishes import Wishes

NAME = re.compile(r"[a-z](-?[a-z0-9]){0,39}")
"""Names of a stack from which the names of everything in it can be made: a role's has 64 characters at most."""

CODE_FOLDERS = {"code", "functions"}
"""Folders of the bucket that jobs must not write to; they write below the pipeline's name."""

TOLD_BY_THE_STACK = {"group", "model_role", "capture_uri", "endpoint"}
"""Wishes of the deploying function that the template fills in itself."""

IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)([:@].+)?"
)


def check_name(name: str) -> None:
    """Check that a pipeline's name can be a stack's.

    Raises:
        PipelineError: it cannot.
    """
    if not NAME.fullmatch(name):
        raise PipelineError(
            f"pipeline name {name!r} cannot be a stack's: use small letters, digits and hyphens, at most 40, "
            "the first a letter"
        )
    if name in CODE_FOLDERS:
        raise PipelineError(f"pipeline name {name!r} is that of a folder of code in the bucket: use another")


def stack_parameters(config: Config, account: str, region: str, partition: str) -> dict[str, str]:
    """The values of the template's parameters that follow from a preset.

    Args:
        config: the configuration, placed, but not in a stack.
        account: that the stack is put in.
        region: likewise.
        partition: such as aws, of ARNs.

    Raises:
        PipelineError: the bucket's name is too long.
    """
    if len(config.bucket) > 63:  # S3's limit
        raise PipelineError(f"bucket name {config.bucket!r} is longer than 63 characters: set the preset's `bucket`")
    wanted = config.stack
    parameters = {
        "BucketName": config.bucket,
        "KeyArn": config.kms_key,
        "SourceArns": ",".join(_source_arns(config, partition)),
        "ImageArns": ",".join(_image_arns(config, account, region, partition)),
        "DaysOfTemporaries": str(wanted.days_of_temporaries),
        "ModelGroup": config.register_.group,
        "MakeVpc": "true" if wanted.vpc else "false",
        "ApiAuthentication": wanted.api,
        "ApiRequestsPerSecond": str(wanted.api_requests_per_second),
        "ApiBurst": str(2 * wanted.api_requests_per_second),
        "AlarmEmail": wanted.alarm_email,
        "MonthlyBudgetUsd": str(wanted.monthly_budget_usd),
    }
    return {**parameters, **_deployment(config), **repositories(config, account, region)}


def repositories(config: Config, account: str, region: str) -> dict[str, str]:
    """Repositories of the images, by parameter; none where one is not in this account's registry in this region."""
    named = {}
    for kind, image in config.images.model_dump().items():
        found = IMAGE.fullmatch(image)
        if found and (found["account"], found["region"]) == (account, region):
            named[f"{kind.capitalize()}Repository"] = found["repository"]
    return named if len(set(named.values())) == len(config.images.model_dump()) else {}


def _image_arns(config: Config, account: str, region: str, partition: str) -> list[str]:
    """The repositories that jobs pull images from; one that is not there where no image is in ECR."""
    matches = filter(None, map(IMAGE.fullmatch, config.images.model_dump().values()))
    places = {(found["region"], found["account"], found["repository"]) for found in matches}
    return [
        f"arn:{partition}:ecr:{where}:{owner}:repository/{name}"
        for where, owner, name in sorted(places or {(region, account, config.name)})
    ]


def _deployment(config: Config) -> Mapping[str, str]:
    if config.deploy is None:
        return {"EndpointName": "", "DeploySettings": "{}"}
    settings = config.deploy.model_dump(include=set(Wishes.__dataclass_fields__) - TOLD_BY_THE_STACK)
    return {
        "EndpointName": config.deploy.endpoint,
        "DeploySettings": json.dumps(settings, sort_keys=True),
        "LatencyMilliseconds": str(config.deploy.most_latency_milliseconds),
    }


def _source_arns(config: Config, partition: str) -> Iterator[str]:
    """The buckets that jobs read, and the objects in them; the pipeline's own where there are no others."""
    uris = (config.catalog.source, config.initial_weights, config.catalog.previous)
    named = [uri.removeprefix("s3://").partition("/")[0] for uri in uris if uri.startswith("s3://")]
    for bucket in sorted({*named, *config.stack.source_buckets}) or [config.bucket]:
        yield f"arn:{partition}:s3:::{bucket}"
        yield f"arn:{partition}:s3:::{bucket}/*"
