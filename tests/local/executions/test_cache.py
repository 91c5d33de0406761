"""The step cache: when a step's earlier result is used again, and when it is not."""

import re

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.definitions.policies import duration_seconds

CACHE = {"Enabled": True, "ExpireAfter": "P30D"}
LETTERS = (("Y", 31_536_000), ("M", 2_592_000), ("W", 604_800), ("D", 86_400)), (("H", 3600), ("M", 60), ("S", 1))


def step(name, kind, arguments, **more):
    return {"Name": name, "Type": kind, "Arguments": arguments, "CacheConfig": CACHE, **more}


def produce(tiny, folder, code="(base / 'processing/out/a.txt').write_text('a')", **more):
    """A processing step that stores an object and costs a name of its own in every run."""
    where = {
        "Std:Join": {"On": "/", "Values": [f"s3://{tiny.bucket}/{folder}", {"Get": "Execution.PipelineExecutionId"}]}
    }
    return step("Produce", "Processing", tiny.processing(code, outputs=[("out", where)]), **more)


def hits(execution):
    return {
        name: each["CacheHitResult"]["SourcePipelineExecutionArn"]
        for name, each in execution["Steps"].items()
        if "CacheHitResult" in each
    }


def test_a_second_execution_takes_results_and_job_from_the_first(tiny):
    folder = {"Get": "Steps.Produce.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}
    name = tiny.create([produce(tiny, "hit"), step("Train", "Training", tiny.training(folder))])
    first, second = (tiny.finish(tiny.start(name)) for _ in range(2))

    assert first["PipelineExecutionStatus"] == second["PipelineExecutionStatus"] == "Succeeded"
    assert hits(first) == {}
    assert hits(second) == dict.fromkeys(("Produce", "Train"), first["PipelineExecutionArn"])
    for job in ("Produce", "Train"):
        assert second["Steps"][job]["Metadata"] == first["Steps"][job]["Metadata"]
        assert second["Steps"][job]["StepStatus"] == "Succeeded"
    third = tiny.finish(tiny.start(name))
    assert set(hits(third).values()) == {first["PipelineExecutionArn"]}  # not that of the second, which ran nothing


def test_other_values_another_step_and_another_pipeline_are_no_hits(tiny):
    parameters = [{"Name": "Word", "Type": "String", "DefaultValue": "x"}]
    job = tiny.processing("pass", arguments=[{"Get": "Parameters.Word"}])
    name = tiny.create([step("Say", "Processing", job)], parameters)
    first = tiny.finish(tiny.start(name))
    assert hits(tiny.finish(tiny.start(name, Word="y"))) == {}
    assert hits(tiny.finish(tiny.start(name, Word="x"))) == {"Say": first["PipelineExecutionArn"]}
    assert hits(tiny.run([step("Say", "Processing", job)], parameters)) == {}
    assert hits(tiny.run([step("Speak", "Processing", job)], parameters)) == {}


def test_instances_and_outputs_are_not_compared_as_on_aws(tiny):
    parameters = [{"Name": "Volume", "Type": "Integer", "DefaultValue": 5}]
    job = tiny.processing("pass")
    job["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] = {"Get": "Parameters.Volume"}
    name = tiny.create([step("Work", "Processing", job)], parameters)
    first = tiny.finish(tiny.start(name))
    assert hits(tiny.finish(tiny.start(name, Volume="9"))) == {"Work": first["PipelineExecutionArn"]}


def test_a_result_whose_artifact_is_gone_is_computed_again(tiny):
    name = tiny.create([produce(tiny, "gone")])
    first = tiny.finish(tiny.start(name))
    tiny.s3.delete_object(Bucket=tiny.bucket, Key=f"gone/{first['PipelineExecutionArn'].rsplit('/', 1)[-1]}/a.txt")
    second = tiny.finish(tiny.start(name))
    assert hits(second) == {}
    assert hits(tiny.finish(tiny.start(name))) == {"Produce": second["PipelineExecutionArn"]}


def test_an_output_that_was_empty_is_still_a_hit(tiny):
    name = tiny.create([produce(tiny, "empty", code="pass")])
    first = tiny.finish(tiny.start(name))
    assert hits(tiny.finish(tiny.start(name))) == {"Produce": first["PipelineExecutionArn"]}


@pytest.mark.parametrize("config", [None, {"Enabled": False}, {"Enabled": True, "ExpireAfter": "PT0S"}])
def test_without_cache_or_after_its_time_every_step_runs(tiny, config):
    name = tiny.create([produce(tiny, "off", CacheConfig=config)])
    assert [hits(tiny.finish(tiny.start(name))) for _ in range(2)] == [{}, {}]


def test_a_failed_run_is_never_a_hit(tiny, tmp_path):
    flag = tmp_path / "flag"
    code = f"flag = pathlib.Path({str(flag)!r})\nif not flag.exists():\n    flag.touch()\n    sys.exit(1)"
    name = tiny.create([produce(tiny, "failed", code=code)])
    statuses = [tiny.finish(tiny.start(name)) for _ in range(3)]
    assert [each["PipelineExecutionStatus"] for each in statuses] == ["Failed", "Succeeded", "Succeeded"]
    assert hits(statuses[2]) == {"Produce": statuses[1]["PipelineExecutionArn"]}


def test_a_deleted_pipeline_leaves_no_results_to_one_of_its_name(tiny):
    steps = [produce(tiny, "deleted")]
    name = tiny.create(steps)
    tiny.finish(tiny.start(name))
    text = tiny.sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"]
    tiny.sagemaker.delete_pipeline(PipelineName=name)
    tiny.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=tiny.role)
    assert hits(tiny.finish(tiny.start(name))) == {}


@pytest.mark.parametrize("after", ["30", "P", "PT", "P1H", "T", "1 day", "P-1D", "P1.5D", "", "P1DT", 30])
def test_what_is_no_duration_is_refused_with_the_step(tiny, after):
    with pytest.raises(ClientError, match="CacheConfig") as error:
        tiny.create([produce(tiny, "x", CacheConfig={"Enabled": True, "ExpireAfter": after})])
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_a_cache_needs_an_age_limit(tiny):
    with pytest.raises(ClientError, match="ExpireAfter"):
        tiny.create([produce(tiny, "x", CacheConfig={"Enabled": True})])


def counts(units):
    return st.lists(st.none() | st.integers(0, 999), min_size=len(units), max_size=len(units))


@given(*map(counts, LETTERS), st.sampled_from(["P", ""]), st.booleans())
def test_durations_are_the_sum_of_their_parts(dates, times, head, lower):
    def written(numbers, units):
        return "".join(f"{n}{letter}" for n, (letter, _) in zip(numbers, units, strict=True) if n is not None)

    date, time = written(dates, LETTERS[0]), written(times, LETTERS[1])
    text = head + date + ("T" + time if time else "")
    expected = sum((n or 0) * seconds for n, (_, seconds) in zip(dates + times, sum(LETTERS, ()), strict=True))
    if date or time:
        assert duration_seconds(text.lower() if lower else text) == expected


@given(st.text("PT0123456789YMWDHS", max_size=8))
def test_any_text_is_a_duration_or_is_refused(text):
    try:
        assert duration_seconds(text) >= 0
    except ValueError:
        assert not re.fullmatch(r"P\d+D|PT\d+[HMS]", text)
