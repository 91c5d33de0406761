"""How the parts reach the embedded AWS: over HTTP like everybody else, with credentials that open nothing."""

from __future__ import annotations

import copy
import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from pipelines.local.aws import REGION
from pipelines.local.identities import SERVER_KEY, USER_KEY, Identities

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

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
    """Clients of the server at `url`, which calls by them take for the server's own. They may be shared by threads.

    Args:
        url: of the server.
        identities: tell callers apart.
    """

    def __init__(self, url: str, identities: Identities | None = None) -> None:
        self.url = url
        self.identities = identities or Identities()
        self._key_id = SERVER_KEY
        self._lock = threading.Lock()
        self._session = boto3.Session(region_name=REGION)
        self._clients: dict[str, Any] = {}
        self._relatives = {SERVER_KEY: self}  # connections to the same server, by their access keys; they share it

    def in_role(self, role: str | None) -> Connection:
        """The same server for calls in the name of a role, given its ARN; for none in that of the user."""
        return self.signed_with(self.identities.key_of(role))

    def signed_with(self, key_id: str) -> Connection:
        """The same server for calls in the name of the caller who has this access key."""
        with self._lock:
            if key_id not in self._relatives:
                relative = copy.copy(self)
                relative._key_id, relative._clients = key_id, {}
                self._relatives[key_id] = relative
            return self._relatives[key_id]

    def environment(self) -> dict[str, str]:
        """The variables that point boto3, the SageMaker SDK and the AWS CLI at the server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": USER_KEY if self._key_id == SERVER_KEY else self._key_id,
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
                    service,
                    endpoint_url=self.url,
                    config=_CONFIG,
                    aws_access_key_id=self._key_id,
                    aws_secret_access_key=_SECRET,
                )
            return self._clients[service]
