"""Data capture: requests and answers of an endpoint as JSON lines in S3, in AWS's form."""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.local.aws import Json, iso_time
from pipelines.local.connection import Connection
from pipelines.local.s3 import Location

_FLUSH_SECONDS = 2.0  # AWS takes minutes
_LARGEST_BATCH_BYTES = 1024 * 1024
_ALL_PERCENT = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Body:
    """One direction of an invocation."""

    content_type: str | None
    data: bytes


class Capture:
    """Captures the invocations of one endpoint under one configuration; safe to share between threads.

    Args:
        config: the DataCaptureConfig of the endpoint configuration, if it has one.
        endpoint: the endpoint's name.
        connection: where S3 is.
    """

    def __init__(self, config: Json | None, endpoint: str, connection: Connection) -> None:
        self._config = config or {}
        self._endpoint = endpoint
        self._connection = connection
        self._modes = {option["CaptureMode"] for option in self._config.get("CaptureOptions", [])}
        self._percent: int = self._config.get("InitialSamplingPercentage", 0)
        self._on: bool = bool(config) and self._config.get("EnableCapture", True)
        self._lines: dict[str, list[bytes]] = defaultdict(list)
        self._bytes = 0
        self._flushed = time.monotonic()
        self._lock = threading.Lock()

    def summary(self) -> Json | None:
        """What DescribeEndpoint shows of it."""
        if not self._config:
            return None
        return {
            "EnableCapture": self._on,
            "CaptureStatus": "Started" if self._on else "Stopped",
            "CurrentSamplingPercentage": self._percent,
            "DestinationS3Uri": self._config["DestinationS3Uri"],
            "KmsKeyId": self._config.get("KmsKeyId", ""),
        }

    def take(self, variant: str, request: Body, answer: Body, about: Json) -> None:
        """Keep an invocation, if it is drawn.

        Args:
            variant: that answered.
            request: what was sent.
            answer: what came back.
            about: more for the event's metadata, such as `inferenceId`.
        """
        if not self._on or random.randrange(_ALL_PERCENT) >= self._percent:  # noqa: S311 - a sample, not a secret
            return
        line = json.dumps(self._event(request, answer, about), separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._lines[variant].append(line)
            self._bytes += len(line)
            full = self._bytes >= _LARGEST_BATCH_BYTES
        if full:
            self.flush()

    def tend(self) -> None:
        """Store what has gathered for a while; call it now and then."""
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Store what has gathered, in a file for each variant."""
        with self._lock:
            lines, self._lines = self._lines, defaultdict(list)
            self._bytes = 0
            self._flushed = time.monotonic()
        for variant, batch in lines.items():
            self._store(variant, b"".join(batch))

    def _store(self, variant: str, content: bytes) -> None:
        now = datetime.now(UTC)
        name = f"{now:%Y/%m/%d/%H/%M-%S}-{now.microsecond // 1000:03d}-{uuid4()}.jsonl"
        prefix = Location.parse(self._config["DestinationS3Uri"].rstrip("/"))
        key = "/".join(part for part in (prefix.key, self._endpoint, variant, name) if part)
        try:
            self._connection.s3.put_object(Bucket=prefix.bucket, Key=key, Body=content)
        except (ClientError, BotoCoreError) as error:
            _log.warning("%s: captured data could not be stored: %s", self._endpoint, error)

    def _event(self, request: Body, answer: Body, about: Json) -> Json:
        data: Json = {}
        if self._modes & {"Input", "InputAndOutput"}:
            data["endpointInput"] = self._captured("INPUT", request)
        if self._modes & {"Output", "InputAndOutput"}:
            data["endpointOutput"] = self._captured("OUTPUT", answer)
        metadata = {"eventId": str(uuid4()), "inferenceTime": iso_time(time.time()), **about}
        return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}

    def _captured(self, mode: str, body: Body) -> Json:
        """One direction in AWS's form: readable where the configuration names its content type, else in Base64."""
        kind = (body.content_type or "").split(";")[0].strip()
        headers = self._config.get("CaptureContentTypeHeader", {})
        encoding = "BASE64"
        if kind in headers.get("CsvContentTypes", []):
            encoding = "CSV"
        elif kind in headers.get("JsonContentTypes", []):
            encoding = "JSON"
        text = base64.b64encode(body.data).decode() if encoding == "BASE64" else body.data.decode(errors="replace")
        return {"observedContentType": body.content_type, "mode": mode, "data": text, "encoding": encoding}
