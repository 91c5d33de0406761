"""Where commands go: whatever the standard AWS configuration points at, AWS itself or an embedded SageMaker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.stack.found import find_stack, place_in_stack

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

CREDENTIALS_HELP = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
    "to try it without an account, run `make local` and copy the exports it prints"
)
CLIENT_SETTINGS = ClientConfig(
    retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, max_pool_connections=32
)
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}


@dataclass(frozen=True)
class Target:
    """An account and region, with the clients that reach them."""

    account: str
    region: str
    partition: str
    sagemaker: "SageMakerClient"
    s3: "S3Client"
    logs: "CloudWatchLogsClient"

    def place(self, config: Config) -> Config:
        """`config` with this account, region and partition filled in, and what the pipeline's stack has made.

        A stack that does not exist, or holds nothing yet, leaves the preset's own names.
        """
        placed = self.place_unstacked(config)
        stack = find_stack(self.client("cloudformation"), config.name)
        return place_in_stack(placed, stack.outputs) if stack and stack.usable else placed

    def place_unstacked(self, config: Config) -> Config:
        """`config` with this account, region and partition filled in, as its stack is made from."""
        return config.placed(self.account, self.region, self.partition)

    def client(self, service: str) -> Any:
        """A client of another service, by boto3's name of it; each takes a moment to make."""
        session: Any = boto3.Session()
        return session.client(service, region_name=self.region, config=CLIENT_SETTINGS)


def connect() -> Target:
    """Reach what the standard AWS configuration points at (environment, profile, `AWS_ENDPOINT_URL`).

    Raises:
        PipelineError: credentials or region are missing or refused, or nothing answers.
    """
    with aws_errors_explained():
        session = boto3.Session()
        # First the client that insists on a region; STS would fall back on an endpoint far away.
        sagemaker = session.client("sagemaker", config=CLIENT_SETTINGS)
        account = session.client("sts", config=CLIENT_SETTINGS).get_caller_identity()["Account"]
        region = sagemaker.meta.region_name
        return Target(
            account=account,
            region=region,
            partition=session.get_partition_for_region(region),
            sagemaker=sagemaker,
            s3=session.client("s3", config=CLIENT_SETTINGS),
            logs=session.client("logs", config=CLIENT_SETTINGS),
        )


@contextmanager
def aws_errors_explained() -> Iterator[None]:
    """Turn what botocore raises inside the block into a PipelineError of one sentence."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise PipelineError(_explain(error)) from error


def _explain(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return f"no complete AWS credentials were found: {CREDENTIALS_HELP}"
    if isinstance(error, NoRegionError):
        return "no AWS region is set: set AWS_DEFAULT_REGION, for example to us-east-1"
    if isinstance(error, ProfileNotFound):
        return f"{error}: `aws configure list-profiles` lists those there are"
    if isinstance(error, EndpointConnectionError):
        return f"nothing answers: {error} Check AWS_ENDPOINT_URL and the network"
    if isinstance(error, ClientError):
        code, message = error.response["Error"].get("Code", "Error"), error.response["Error"].get("Message", "")
        if code in EXPIRED:
            return f"AWS does not accept these credentials ({code}): {CREDENTIALS_HELP}"
        return f"{error.operation_name} was refused ({code}): {message}"
    return str(error)
