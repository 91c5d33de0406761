"""Answers as AWS gives them, from a real server; what a person reads of each."""

import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config as ClientConfig

from pipelines.aws_refusals import advice_on
from pipelines.errors import PipelineError
from pipelines.target import aws_errors_explained

WHO = "arn:aws:sts::111122223333:assumed-role/engineer/ann"
TYPES = "ml.g5.xlarge, ml.g5.2xlarge, ml.g5.4xlarge, ml.m5.xlarge" + ", ml.other.type" * 300
ROLE = "arn:aws:iam::111122223333:role/bin-counter-execution"


def client(service: str, **settings: Any) -> Any:
    once = ClientConfig(retries={"total_max_attempts": 1, "mode": "standard"}, **settings)
    return boto3.Session().client(service, config=once)


def sentence(call: Callable[[], object]) -> str:
    with pytest.raises(PipelineError) as raised, aws_errors_explained():
        call()
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 1000
    return str(raised.value)


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            "have expired.*aws sso login",
        ),
        ("UnrecognizedClientException", "The security token is invalid.", "does not accept these credentials"),
        (
            "InvalidSignatureException",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z",
            "clock differs",
        ),
        ("InvalidSignatureException", "The request signature we calculated does not match", "secret access key is not"),
        (
            "AccessDeniedException",
            f"User: {WHO} is not authorized to perform: sagemaker:CreatePipeline on resource: "
            "arn:aws:sagemaker:us-east-1:111122223333:pipeline/p because no identity-based policy allows the "
            "sagemaker:CreatePipeline action",
            f"{WHO} may not do sagemaker:CreatePipeline on arn:aws:sagemaker:us-east-1:111122223333:pipeline/p "
            r"\(because no identity-based policy allows .*\): have an administrator allow it",
        ),
        (
            "AccessDeniedException",
            f"User: {WHO} is not authorized to perform: iam:PassRole on resource: {ROLE} with an explicit deny in a "
            "service control policy",
            r"may not do iam:PassRole on .* \(with an explicit deny in a service control policy\)",
        ),
        (
            "ResourceLimitExceeded",
            "The account-level service limit 'ml.g5.4xlarge for training job usage' is 0 Instances, with current "
            "utilization of 0 Instances and a request delta of 3 Instances. Please use AWS Service Quotas to request "
            "an increase for this quota.",
            "the quota 'ml.g5.4xlarge for training job usage' is 0, and 0 are in use: request at least 3 ",
        ),
        (
            "ResourceLimitExceeded",
            "The requested resource training-job/ml.p2.xlarge is not available in this region",
            "training-job/ml.p2.xlarge is not offered in this region",
        ),
        (
            "ValidationException",
            "1 validation error detected: Value 'ml.g5.99xlarge' at 'resourceConfig.instanceType' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{TYPES}]",
            "SageMaker has no instance type 'ml.g5.99xlarge': the nearest are ml.g5.xlarge, ml.g5.4xlarge",
        ),
        (
            "ValidationException",
            f"Could not assume role {ROLE}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role.",
            f"AWS cannot take the role {ROLE}: it does not exist, or does not trust .*make doctor",
        ),
        ("ThrottlingException", "Rate exceeded", "AWS throttles ListModels of this account .*: wait a minute"),
        ("InternalFailure", "", "AWS itself failed at ListModels"),
        ("OptInRequired", "You are not subscribed to this service", "has not enabled this service or region"),
        ("SomethingNew", "Words\nof\nAWS", r"ListModels was refused \(SomethingNew\): Words of AWS"),
    ],
)
def test_what_sagemaker_refuses_is_one_sentence_with_the_fix(
    answers: Any, code: str, message: str, expected: str
) -> None:
    answers.refuse(code, message)
    told = sentence(lambda: client("sagemaker").list_models())
    assert re.search(expected, told), told


@pytest.mark.parametrize(
    ("code", "message", "status", "expected"),
    [
        ("BucketAlreadyExists", "The requested bucket name is not available.", 409, "somebody else's: name another"),
        (
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
            400,
            "lies in another region .*eu-west-1.*: set AWS_DEFAULT_REGION",
        ),
        ("IllegalLocationConstraintException", "The unspecified location constraint", 400, "another region"),
        ("AccessDenied", "Access Denied", 403, "CreateBucket was denied .*have an administrator allow it"),
        ("RequestTimeTooSkewed", "The difference between the request time and now is too large.", 403, "clock differs"),
        ("InvalidAccessKeyId", "The key does not exist in our records.", 403, "does not accept these credentials"),
        ("SlowDown", "Please reduce your request rate.", 503, "AWS throttles CreateBucket"),
    ],
)
def test_what_s3_refuses_is_one_sentence_with_the_fix(
    answers: Any, code: str, message: str, status: int, expected: str
) -> None:
    answers.refuse_as_s3(code, message, status)
    told = sentence(lambda: client("s3").create_bucket(Bucket="some-bucket"))
    assert re.search(expected, told), told


def test_a_head_without_words_still_says_what_was_denied(answers: Any) -> None:
    answers.say(403, "application/xml", b"")
    assert "HeadBucket was denied" in sentence(lambda: client("s3").head_bucket(Bucket="some-bucket"))


def test_the_reason_of_a_step_that_aws_did_not_start_gets_the_same_advice() -> None:
    reason = (
        "ClientError: Failed to invoke sagemaker:CreateTrainingJob. Error Details: The account-level service limit "
        "'ml.g5.4xlarge for spot training job usage' is 1 Instances, with current utilization of 1 Instances and a "
        "request delta of 2 Instances. Please contact AWS support to request an increase for this limit."
    )
    assert "request at least 3 for Amazon SageMaker" in advice_on(reason)
    assert advice_on("AlgorithmError: the photos are empty") == ""
