"""What was deleted by hand: how to get it back, and what is not promised without it."""

from collections.abc import Callable

import pytest

from pipelines.config import Config, load_preset
from pipelines.doctor.deployment import check_function
from pipelines.doctor.storage import check_bucket
from pipelines.errors import PipelineError
from pipelines.surroundings import deploys_models, require_bucket, require_function
from pipelines.target import Target

ANEW = "`make delete-stack`, then `make deploy-stack`"


def test_what_a_whole_stack_has_lost_is_to_be_made_with_the_stack_anew(
    target: Target, stacked: Callable[[Config], Config], register_model: Callable[..., str], command: Callable[..., str]
) -> None:
    nowhere = target.place(load_preset("demo"))
    with pytest.raises(PipelineError, match="does not exist: `make deploy-stack` creates it"):
        require_bucket(target, nowhere)
    config = stacked(load_preset("demo"))
    require_bucket(target, config)
    require_function(target, config)
    register_model(config, seed=1)
    assert config.deploy is not None
    assert deploys_models(target, config)
    target.client("lambda").delete_function(FunctionName=config.deploy.function)
    assert not deploys_models(target, config)
    with pytest.raises(PipelineError, match=ANEW):
        require_function(target, config)
    assert ANEW in next(iter(check_function(target, config))).text
    assert "nothing deploys it: `make deploy-stack`, then reject it again" in command("reject", "1")
    for page in target.s3.get_paginator("list_object_versions").paginate(Bucket=config.bucket):
        for each in page.get("Versions", []):
            target.s3.delete_object(Bucket=config.bucket, Key=each["Key"], VersionId=each["VersionId"])
    target.s3.delete_bucket(Bucket=config.bucket)
    with pytest.raises(PipelineError, match=ANEW):
        require_bucket(target, config)
    assert ANEW in next(iter(check_bucket(target, config))).text
