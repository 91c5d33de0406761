from dataclasses import replace
from typing import Any

import boto3
import pytest

from pipelines.executions.console_links import console_link
from pipelines.executions.failure import describe_failure, explain_failure
from pipelines.progress import read_progress
from pipelines.target import Target

FAIL = r"""
import os, pathlib, sys
for number in range(40):
    print("line", number)
print("\x1b[31mlast words\x1b[0m")
words = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "output" / "message"
words.write_text("the photos of bin 7 are empty")
sys.exit(3)
"""
ACCOUNT = "111122223333"


def test_a_failed_step_is_explained_with_its_words_its_log_and_the_command_that_repeats_it(
    target: Target, tiny: Any
) -> None:
    execution = tiny.run(tiny.processing("Good", "print('good')"), tiny.processing("Bad", FAIL))
    failed = explain_failure(target, read_progress(target, execution))
    assert [step.name for step in failed] == ["Bad"]
    lines = list(describe_failure(failed[0], "the command"))
    assert lines[0].startswith("step Bad failed after ")
    assert "the photos of bin 7 are empty" in lines[0]
    assert lines[1] == "  its last lines:"
    assert lines[2:-1] == [*(f"    line {number}" for number in range(26, 40)), "    last words"]
    assert lines[-1] == "  to repeat it on this machine: the command"


def test_a_step_without_a_job_has_neither_log_nor_repetition(target: Target, tiny: Any) -> None:
    execution = tiny.run({"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "not today"}})
    (failed,) = explain_failure(target, read_progress(target, execution))
    assert list(describe_failure(failed, "never shown")) == ["step No failed after 0 s: not today"]


def test_an_execution_that_succeeded_has_nothing_to_explain(target: Target, tiny: Any) -> None:
    execution = tiny.run(tiny.processing("Good", "print('good')"))
    assert explain_failure(target, read_progress(target, execution)) == []


@pytest.mark.parametrize(
    ("partition", "region", "resource", "link"),
    [
        (
            "aws",
            "eu-west-1",
            "training-job/pipelines-x-Train",
            "https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/jobs/pipelines-x-Train",
        ),
        (
            "aws-cn",
            "cn-north-1",
            "processing-job/p",
            "https://cn-north-1.console.amazonaws.cn/sagemaker/home?region=cn-north-1#/processing-jobs/p",
        ),
        ("aws", "us-east-1", "model-package/group/1", ""),
    ],
)
def test_a_job_on_aws_has_a_page_in_the_console(
    target: Target, partition: str, region: str, resource: str, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    on_aws = replace(
        target, partition=partition, region=region, sagemaker=boto3.client("sagemaker", region_name=region)
    )
    assert on_aws.sagemaker.meta.endpoint_url.endswith(domain)
    assert console_link(on_aws, f"arn:{partition}:sagemaker:{region}:{ACCOUNT}:{resource}") == link


def test_an_embedded_sagemaker_has_no_console(target: Target) -> None:
    assert console_link(target, f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/x") == ""
