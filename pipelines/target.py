"""Where commands go: whatever the standard AWS configuration points at, AWS itself or an embedded SageMaker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.answering import ask_for_account, check_endpoint_urls
from pipelines.aws_errors import explain_aws_error
from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.stack.found import find_stack, place_in_stack

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

CLIENT_SETTINGS = ClientConfig(
    retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, max_pool_connections=32
)
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True)
class Target:
    """An account and region, with the clients that reach them."""

    account: str
    region: str
    partition: str
    sagemaker: "SageMakerClient"
    s3: "S3Client"
    logs: "CloudWatchLogsClient"

    @property
    def on_aws(self) -> bool:
        """Whether it is AWS itself that answers; False for an embedded SageMaker."""
        host = urlsplit(self.sagemaker.meta.endpoint_url).hostname or ""
        return host.endswith(AWS_DOMAINS)

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
        PipelineError: credentials or region are missing or refused, or nothing answers, or what is not AWS.
    """
    check_endpoint_urls()
    with aws_errors_explained(), _endpoint_url_checked():
        session = boto3.Session()
        # First the client that insists on a region; STS would fall back on an endpoint far away.
        sagemaker = session.client("sagemaker", config=CLIENT_SETTINGS)
        account = ask_for_account(session.client("sts", config=CLIENT_SETTINGS))
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
        raise PipelineError(explain_aws_error(error)) from error


@contextmanager
def told_what_was_done(report: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
    """Give a block that creates things a `report` whose lines are named again where the block fails.

    Raises:
        PipelineError: the block's own, or what AWS refused in it, with what had been done by then.
    """
    done: list[str] = []

    def note(line: str) -> None:
        done.append(line)
        report(line)

    try:
        with aws_errors_explained():
            yield note
    except PipelineError as error:
        if not done:
            raise
        raise PipelineError(f"{error}; done before that, and still there: {', '.join(done)}") from error


@contextmanager
def _endpoint_url_checked() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # botocore's own words for a URL that is none
        if "endpoint" not in str(error).lower():
            raise
        raise PipelineError(f"{error}: AWS_ENDPOINT_URL must look like http://127.0.0.1:4599") from error
