"""What botocore raises, as one sentence that says what was wrong and what to do."""

import os
import re
from difflib import get_close_matches
from urllib.parse import urlsplit

import boto3
from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.aws_refusals import ABOUT_CREDENTIALS, CREDENTIALS_HELP, REGION_HELP, Refusal, explain_refusal
from pipelines.text import one_line

AwsError = BotoCoreError | ClientError
_OF_CREDENTIALS = (
    aws.SSOError,
    aws.TokenRetrievalError,
    aws.NoAuthTokenError,
    aws.LoginError,
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.MetadataRetrievalError,
    aws.RefreshWithMFAUnsupportedError,
    aws.ProfileNotFound,
    aws.ConfigParseError,
    aws.ConfigNotFound,
    aws.InvalidConfigError,
)
_REGION = re.compile(r"[a-z]+(-[a-z]+)+-\d+")


def explain_aws_error(error: AwsError) -> str:
    """One sentence about what went wrong between this machine and AWS, or about what AWS refused."""
    if isinstance(error, ClientError):
        return explain_refusal(_refusal(error))
    told = one_line(str(error)).rstrip(".")
    return _about_credentials(error, told) or _about_the_way(error, told) or told


def lie_in_credentials(error: BaseException | None) -> bool:
    """Whether it is the credentials that are wrong, and not the way to AWS."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") in ABOUT_CREDENTIALS
    return isinstance(error, _OF_CREDENTIALS)


def _refusal(error: ClientError) -> Refusal:
    answer = error.response.get("Error", {})
    return Refusal(answer.get("Code", "Error"), one_line(answer.get("Message", "")), error.operation_name)


def _about_credentials(error: BotoCoreError, told: str) -> str:
    """About what never left this machine: credentials, profile, region."""
    profile = os.environ.get("AWS_PROFILE")
    login = f"`aws sso login{f' --profile {profile}' if profile else ''}`"
    if isinstance(error, aws.SSOError | aws.TokenRetrievalError | aws.NoAuthTokenError):
        return f"the single sign-on session has ended or was never begun ({told}): run {login}"
    if isinstance(error, aws.LoginError):
        return f"the login session has ended ({told}): run `aws login`"
    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError):
        return f"no complete AWS credentials were found: {CREDENTIALS_HELP}"
    if isinstance(
        error, aws.CredentialRetrievalError | aws.MetadataRetrievalError | aws.RefreshWithMFAUnsupportedError
    ):
        return f"credentials could not be had ({told}): log in again, or {CREDENTIALS_HELP}"
    if isinstance(error, aws.ProfileNotFound):
        return f"{told}: `aws configure list-profiles` lists those there are"
    if isinstance(error, aws.ConfigParseError | aws.ConfigNotFound | aws.InvalidConfigError):
        return f"the AWS configuration cannot be used ({told}): see `aws configure list`"
    if isinstance(error, aws.NoRegionError):
        return f"no AWS region is set: {REGION_HELP}"
    if isinstance(error, aws.InvalidRegionError | aws.UnknownRegionError):
        return f"{told}: {REGION_HELP}"
    return ""


def _about_the_way(error: BotoCoreError, told: str) -> str:
    """About what did not reach AWS, or what did not come back."""
    if isinstance(error, aws.EndpointConnectionError):
        return _no_such_region(str(error.kwargs["endpoint_url"])) or (
            f"nothing answers: {told}. Check AWS_ENDPOINT_URL and the network"
        )
    if isinstance(error, aws.ProxyConnectionError):
        return f"the proxy does not answer ({told}): check HTTPS_PROXY and NO_PROXY"
    if isinstance(error, aws.SSLError):
        if "WRONG_VERSION_NUMBER" in told:
            return f"{error.kwargs.get('endpoint_url')} does not speak https: write http:// in AWS_ENDPOINT_URL"
        return (
            f"the server's certificate is not trusted ({told}): where a proxy opens connections, set AWS_CA_BUNDLE to "
            "the file of its certificate authority"
        )
    if isinstance(error, aws.ConnectTimeoutError | aws.ReadTimeoutError):
        return f"AWS did not answer in time ({told}): check network and proxy, then run the same command again"
    if isinstance(error, aws.HTTPClientError | aws.ConnectionError):
        return f"the connection broke ({told}): check network and proxy, then run the same command again"
    return ""


def _no_such_region(endpoint: str) -> str:
    """What to say where an AWS host does not exist because there is no such region; empty otherwise."""
    labels = (urlsplit(endpoint).hostname or "").split(".")
    if "amazonaws" not in labels:
        return ""
    region = labels[labels.index("amazonaws") - 1]
    session = boto3.Session()
    known = [
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("s3", partition)
    ]
    if region in known or not _REGION.fullmatch(region):
        return ""
    near = get_close_matches(region, known, n=3)
    meant = f", did you mean {' or '.join(near)}" if near else ""
    return f"AWS has no region {region!r}{meant}: {REGION_HELP}"
