"""How the parts reach the embedded AWS: over HTTP like everybody else, with credentials that open nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from pipelines.local.aws import REGION

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

_KEY_ID = "embedded"
_SECRET = "embedded"  # noqa: S105 - it opens nothing: the server checks no signature

# Proxies are switched off because the server is on this machine; checksums because the path to it is memory.
_CONFIG = Config(
    proxies={},
    max_pool_connections=16,
    retries={"max_attempts": 3, "mode": "standard"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    s3={"addressing_style": "path"},
)


class Connection:
    """Clients of the server at `url`. They may be shared by threads."""

    def __init__(self, url: str, key_id: str = _KEY_ID) -> None:
        self.url = url
        self._key_id = key_id
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._session = boto3.Session(aws_access_key_id=key_id, aws_secret_access_key=_SECRET, region_name=REGION)

    def signed_with(self, key_id: str) -> Connection:
        """The same server for calls in the name of the caller who has this access key."""
        return self if key_id == self._key_id else Connection(self.url, key_id)

    def environment(self) -> dict[str, str]:
        """The variables that point boto3, the SageMaker SDK and the AWS CLI at the server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": _KEY_ID,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }

    @property
    def s3(self) -> S3Client:
        """The S3 client."""
        client: S3Client = self.client("s3")
        return client

    @property
    def logs(self) -> CloudWatchLogsClient:
        """The CloudWatch Logs client."""
        client: CloudWatchLogsClient = self.client("logs")
        return client

    @property
    def sagemaker(self) -> SageMakerClient:
        """The SageMaker client."""
        client: SageMakerClient = self.client("sagemaker")
        return client

    @property
    def cloudwatch(self) -> CloudWatchClient:
        """The CloudWatch client."""
        client: CloudWatchClient = self.client("cloudwatch")
        return client

    def client(self, service: str) -> Any:
        """The client of any service, by botocore's name of it."""
        # Creating a client is not thread-safe in botocore; using one is.
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(  # type: ignore[call-overload]
                    service, endpoint_url=self.url, config=_CONFIG
                )
            return self._clients[service]
