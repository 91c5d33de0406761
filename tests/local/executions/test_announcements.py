"""What EventBridge would hear of executions and their steps."""

import re

import pytest

from pipelines.local.announcements import Announcements

EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"
STEP = "SageMaker Model Building Pipeline Execution Step Status Change"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def heard(monkeypatch):
    """Everything that the running server announces."""
    heard = []
    announce = Announcements.announce

    def listen(self, announcement):
        heard.append(announcement)
        announce(self, announcement)

    monkeypatch.setattr(Announcements, "announce", listen)
    return heard


def about(heard, kind, arn):
    return [each.detail for each in heard if each.detail_type == kind and each.arn == arn]


def test_every_change_of_an_execution_and_its_steps_is_announced(tiny, heard, until):
    work = {"Name": "Work", "Type": "Processing", "Arguments": tiny.processing("pass")}
    stop = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "enough"}, "DependsOn": ["Work"]}
    name = tiny.create([work, stop])
    pipeline = tiny.sagemaker.describe_pipeline(PipelineName=name)["PipelineArn"]
    arn = tiny.start(name)
    execution = tiny.finish(arn)
    until(lambda: len(about(heard, EXECUTION, arn)) == 2)

    started, ended = about(heard, EXECUTION, arn)
    arns = {"pipelineArn": pipeline, "pipelineExecutionArn": arn}
    assert started["currentPipelineExecutionStatus"] == "Executing"
    assert "previousPipelineExecutionStatus" not in started
    assert ended["previousPipelineExecutionStatus"] == "Executing"
    assert ended["currentPipelineExecutionStatus"] == "Failed"
    assert arns.items() <= ended.items()
    assert TIME.fullmatch(ended["executionStartTime"])
    assert TIME.fullmatch(ended["executionEndTime"])

    changes = [
        (each["stepName"], each["stepType"], each["previousStepStatus"], each["currentStepStatus"])
        for each in about(heard, STEP, arn)
    ]
    assert changes == [
        ("Work", "Processing", "Starting", "Executing"),
        ("Work", "Processing", "Executing", "Succeeded"),
        ("Stop", "Fail", "Starting", "Executing"),
        ("Stop", "Fail", "Executing", "Failed"),
    ]
    _, worked, _, failed = about(heard, STEP, arn)
    job = execution["Steps"]["Work"]["Metadata"]["ProcessingJob"]["Arn"]
    assert worked["metadata"] == {"processingJob": {"arn": job}}
    assert TIME.fullmatch(worked["stepEndTime"])
    assert failed["failureReason"] == "enough"
    assert arns.items() <= failed.items()


def test_a_cache_hit_says_whose_result_it_is(tiny, heard):
    cache = {"Enabled": True, "ExpireAfter": "P1D"}
    work = {"Name": "Work", "Type": "Processing", "Arguments": tiny.processing("pass"), "CacheConfig": cache}
    name = tiny.create([work])
    first = tiny.start(name)
    tiny.finish(first)
    second = tiny.start(name)
    tiny.finish(second)
    *_, hit = about(heard, STEP, second)
    assert hit["cacheHitResult"] == {"sourcePipelineExecutionArn": first}


def test_a_stop_is_announced_with_what_it_stopped(tiny, heard, until):
    name = tiny.create([{"Name": "Work", "Type": "Processing", "Arguments": tiny.processing("time.sleep(600)")}])
    arn = tiny.start(name)
    until(lambda: about(heard, STEP, arn))
    tiny.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    tiny.finish(arn)
    until(lambda: len(about(heard, EXECUTION, arn)) == 3)
    statuses = [each["currentPipelineExecutionStatus"] for each in about(heard, EXECUTION, arn)]
    assert statuses == ["Executing", "Stopping", "Stopped"]
    assert about(heard, STEP, arn)[-1]["currentStepStatus"] == "Stopped"
