"""An execution on a disk that is full."""

import sqlite3

import pytest
from botocore.exceptions import ClientError

from pipelines.local.store import Store


@pytest.fixture
def fill_disk(monkeypatch):
    """From now on, have documents of a kind with one of these statuses not be written."""
    put = Store.put

    def fill(kind, *statuses):
        def put_or_fail(self, found, name, document):
            if found == kind and document["status"] in statuses:
                raise sqlite3.OperationalError("database or disk is full")
            put(self, found, name, document)

        monkeypatch.setattr(Store, "put", put_or_fail)

    return fill


@pytest.mark.parametrize("kind", ["pipeline-execution", "pipeline-step-run"])
def test_an_execution_whose_end_cannot_be_written_ends_as_failed(tiny, fill_disk, kind):
    fill_disk(kind, "Succeeded")
    name = tiny.create([{"Name": "Work", "Type": "Processing", "Arguments": tiny.processing("pass")}])
    found = tiny.finish(tiny.start(name))
    assert found["PipelineExecutionStatus"] == "Failed"
    assert "disk is full" in found["FailureReason"]
    step = "Succeeded" if kind == "pipeline-execution" else "Failed"
    assert found["Steps"]["Work"]["StepStatus"] == step
    tiny.sagemaker.delete_pipeline(PipelineName=name)


def test_an_execution_is_stopped_even_if_that_cannot_be_written(tiny, fill_disk, until):
    name = tiny.create([{"Name": "Work", "Type": "Processing", "Arguments": tiny.processing("time.sleep(600)")}])
    arn = tiny.start(name)
    until(lambda: tiny.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"])
    fill_disk("pipeline-execution", "Stopping")
    tiny.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert tiny.finish(arn)["PipelineExecutionStatus"] == "Stopped"


def test_a_start_or_a_retry_that_cannot_be_written_leaves_nothing_that_seems_to_run(tiny, fill_disk):
    name = tiny.create([{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "enough"}}])
    failed = tiny.start(name)
    tiny.finish(failed)
    fill_disk("pipeline-execution", "Executing")
    with pytest.raises(ClientError):
        tiny.sagemaker.retry_pipeline_execution(PipelineExecutionArn=failed)
    with pytest.raises(ClientError):
        tiny.start(name)
    listed = tiny.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    assert [each["PipelineExecutionArn"] for each in listed] == [failed]
    assert tiny.finish(failed)["PipelineExecutionStatus"] == "Failed"
