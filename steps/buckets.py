"""Open S3 buckets as the standard AWS configuration says: which region, which credentials, which endpoint."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from steps.contract import StepError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from obstore.store import ClientConfig, RetryConfig, S3Config

PUBLIC_BUCKETS = {"aft-vbi-pds": "us-east-1"}
"""Region of each public bucket of the AWS Open Data registry that is read without signing, so that no account, and no
right of the job's role, is needed. `AWS_ENDPOINT_URL` applies to them too."""


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket.

    Attributes:
        name: the bucket's name.
        store: reads and writes objects: several times as fast as boto3 in threads (tests/benchmarks/test_fetch.py).
        client: lists them: whatever their keys are, where the store gives up at one that is no path.
    """

    name: str
    store: S3Store
    client: "S3Client"


def open_bucket(name: str, max_retries: int, timeout_seconds: int = 30) -> Bucket:
    """Open a bucket; whether it is there is not known before it is used.

    Args:
        name: the bucket's name.
        max_retries: how often a request is repeated after a server or connection error, with exponential back-off.
        timeout_seconds: for one request of the store, its content included.

    Raises:
        StepError: there are no credentials for a bucket that needs them.
    """
    retries: RetryConfig = {"max_retries": max_retries}
    config = Config(retries={"total_max_attempts": max_retries + 1, "mode": "standard"})
    session = boto3.Session()
    if name in PUBLIC_BUCKETS:
        region = PUBLIC_BUCKETS[name]
        unsigned = config.merge(Config(signature_version=UNSIGNED))
        client = session.client("s3", region_name=region, config=unsigned)
        options, http = _store_options(name, region), _http_options(timeout_seconds)
        store = S3Store(name, config=options, client_options=http, retry_config=retries, skip_signature=True)
        return Bucket(name, store, client)
    if session.get_credentials() is None:
        raise StepError(f"no AWS credentials to read s3://{name} with: set AWS_PROFILE or give the job a role")
    region = _region(session, name)
    store = S3Store(
        name,
        config=_store_options(name, region),
        client_options=_http_options(timeout_seconds),
        retry_config=retries,
        credential_provider=Boto3CredentialProvider(session),
    )
    return Bucket(name, store, session.client("s3", region_name=region, config=config))


def _endpoint() -> str | None:
    """Address of S3 where it is not AWS's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _store_options(bucket: str, region: str) -> "S3Config":
    # S3 refuses what does not arrive with this checksum of it.
    options: S3Config = {"region": region, "checksum_algorithm": "SHA256"}
    if endpoint := _endpoint():
        return {**options, "endpoint": endpoint, "virtual_hosted_style_request": False}
    # AWS's certificates cover one label before its domain.
    return {**options, "virtual_hosted_style_request": "." not in bucket}


def _http_options(timeout_seconds: int) -> "ClientConfig":
    return {
        "allow_http": (_endpoint() or "").startswith("http://"),
        "timeout": timedelta(seconds=timeout_seconds),
    }


def _region(session: boto3.Session, bucket: str) -> str:
    """The region that the bucket lies in, wherever the job runs.

    S3 tells it in a header even to those who may not list the bucket. A job learns its own region from `AWS_REGION`,
    which boto3 does not read. Where S3 does not answer, reading from it will say so.
    """
    own = session.region_name or os.environ.get("AWS_REGION") or "us-east-1"
    try:
        headers = session.client("s3", region_name=own).head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    except ClientError as error:
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
    except BotoCoreError:
        return own
    return headers.get("x-amz-bucket-region", own)
