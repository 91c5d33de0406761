"""`diff` and `upsert-pipeline` against a deployed pipeline."""

from collections.abc import Callable

import pytest

from pipelines.target import Target


@pytest.mark.slow
def test_diff_tells_what_an_upsert_then_changes(target: Target, command: Callable[..., str]) -> None:
    assert "pipeline bin-counter-demo does not exist yet: `make upsert-pipeline`" in command("diff", fails=True)
    command("deploy-stack")
    command("upsert-pipeline")
    assert command("diff") == ("pipeline bin-counter-demo is as it is compiled now: an upsert would change nothing\n")
    deployed = target.sagemaker.describe_pipeline(PipelineName="bin-counter-demo")["PipelineDefinition"]
    other = deployed.replace('"--size", "96"', '"--size", "64"')
    target.sagemaker.update_pipeline(PipelineName="bin-counter-demo", PipelineDefinition=other)
    sentence = 'argument --size of Ingest is now "96"; it was "64"'
    assert command("diff", fails=True) == f"{sentence}\n"
    upserted = command("upsert-pipeline")
    assert sentence in upserted
    assert upserted.endswith("pipeline/bin-counter-demo to version 3\n")
