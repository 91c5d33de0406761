"""What a transform job's request asks for, checked, with AWS's defaults."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.local.aws import Json, invalid
from pipelines.local.jobs.job import unsupported
from pipelines.local.transforms.association import FORMS, Association
from pipelines.local.transforms.jsonpath import JsonPath, JsonPathError

_MB = 1024 * 1024
_LARGEST_PAYLOAD_MB = 100
_DEFAULT_PAYLOAD_MB = 6
_DEFAULT_RETRIES = 3
_DEFAULT_TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Manner:
    """How objects go through the model.

    Attributes:
        lines: whether a record is a line of an object, or all of it.
        several: whether a request holds as many records as fit.
        assembles_lines: whether each answer ends its line in the output.
        payload_mb: how large a request may be.
        concurrent: requests at once to each instance.
        retries: of a request that the container is too busy for.
        timeout_seconds: for an answer.
        gzip: whether the objects are compressed.
        headers: of each request.
        association: of input and prediction; None where predictions are stored as they come.
    """

    lines: bool
    several: bool
    assembles_lines: bool
    payload_mb: int
    concurrent: int
    retries: int
    timeout_seconds: int
    gzip: bool
    headers: dict[str, str]
    association: Association | None

    @classmethod
    def read(cls, request: Json) -> Manner:
        """Check the input of CreateTransformJob beyond its shape.

        Raises:
            ApiError: it asks for what AWS would refuse, or for what only AWS can do.
        """
        source, output = request["TransformInput"], request["TransformOutput"]
        _check_source(source, request)
        payload_mb, concurrent = _sizes(request)
        client = request.get("ModelClientConfig", {})
        headers = {"Content-Type": source.get("ContentType"), "Accept": output.get("Accept")}
        return cls(
            lines=source.get("SplitType", "None") == "Line",
            several=request.get("BatchStrategy", "MultiRecord") == "MultiRecord",
            assembles_lines=output.get("AssembleWith", "None") == "Line",
            payload_mb=payload_mb,
            concurrent=concurrent,
            retries=client.get("InvocationsMaxRetries", _DEFAULT_RETRIES),
            timeout_seconds=client.get("InvocationsTimeoutInSeconds", _DEFAULT_TIMEOUT_SECONDS),
            gzip=source.get("CompressionType", "None") == "Gzip",
            headers={name: value for name, value in headers.items() if value},
            association=_association(request),
        )

    @property
    def payload_bytes(self) -> int:
        """How large a request may be."""
        return self.payload_mb * _MB

    def environment(self) -> dict[str, str]:
        """What a container is told, as in "Use Your Own Inference Code with Batch Transform"."""
        return {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self.payload_mb),
            "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD" if self.several else "SINGLE_RECORD",
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self.concurrent),
        }


def _check_source(source: Json, request: Json) -> None:
    kind, split = source["DataSource"]["S3DataSource"]["S3DataType"], source.get("SplitType", "None")
    if kind not in ("S3Prefix", "ManifestFile"):
        raise unsupported(f"the S3DataType {kind} of transform jobs; use S3Prefix or ManifestFile")
    if split not in ("None", "Line"):
        raise unsupported(f"the SplitType {split}; use Line or None")
    if "DataCaptureConfig" in request:
        raise unsupported("DataCaptureConfig of transform jobs")


def _sizes(request: Json) -> tuple[int, int]:
    """MaxPayloadInMB and MaxConcurrentTransforms."""
    payload_mb: int = request.get("MaxPayloadInMB", _DEFAULT_PAYLOAD_MB)
    concurrent: int = request.get("MaxConcurrentTransforms", 0) or 1
    if payload_mb == 0:
        raise unsupported("MaxPayloadInMB 0, requests of any length; give a number from 1 to 100")
    if payload_mb > _LARGEST_PAYLOAD_MB:
        raise invalid(f"MaxPayloadInMB is {payload_mb}; it cannot be greater than {_LARGEST_PAYLOAD_MB} MB.")
    if payload_mb * concurrent > _LARGEST_PAYLOAD_MB:
        raise invalid(
            f"MaxConcurrentTransforms * MaxPayloadInMB is {payload_mb * concurrent}; it must not exceed "
            f"{_LARGEST_PAYLOAD_MB} MB."
        )
    return payload_mb, concurrent


def _association(request: Json) -> Association | None:
    asked = request.get("DataProcessing", {})
    try:
        filters = [JsonPath.parse(asked.get(field, "$")) for field in ("InputFilter", "OutputFilter")]
    except JsonPathError as error:
        raise invalid(str(error)) from error
    joins = asked.get("JoinSource", "None") == "Input"
    if not joins and all(path.is_everything for path in filters):
        return None
    content = request["TransformInput"].get("ContentType", "").split(";")[0].strip()
    if content not in FORMS:
        raise invalid(f"DataProcessing needs the ContentType {', '.join(FORMS)}; this one is '{content}'.")
    if content != "application/json" and request["TransformInput"].get("SplitType") != "Line":
        raise invalid(f"DataProcessing of {content} needs the SplitType Line.")
    return Association(FORMS[content], filters[0], joins, filters[1])
