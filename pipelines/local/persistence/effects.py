"""What a kept call does to the objects of S3, as far as that decides which calls may be forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from pipelines.local.aws import Json
from pipelines.local.persistence.bodies import Body

_LOCAL_HOST = re.compile(r"(localhost|[\d.]+|\[[\da-f:]+\])(:\d+)?")  # with the bucket in the path
_SIGNED_FOR_S3 = re.compile(r"/s3/aws4_request|%2Fs3%2Faws4_request")
_PARTIAL = ("tagging", "acl", "retention", "legal-hold", "restore")


class Kind(Enum):
    """What happens to the keys."""

    OTHER = "other"  # nothing that is understood here
    VERSIONING = "versioning"  # the bucket may hold several versions of a key
    WRITE = "write"  # the whole object, whatever was there
    CHANGE = "change"  # something about the object
    DELETE = "delete"
    PART = "part"  # of a multipart upload, or its beginning
    ABORT = "abort"  # of a multipart upload


@dataclass(frozen=True)
class Effect:
    """The effect of one call.

    Attributes:
        kind: what happens.
        keys: `bucket/key` of each object it happens to; of VERSIONING the bucket.
        sources: `bucket/key` of each object that is read for it.
        upload: the identifier of the multipart upload, if it is one.
    """

    kind: Kind
    keys: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    upload: str = ""


def effect(head: Json, body: Body, upload: str = "") -> Effect:
    """The effect of a call.

    Args:
        head: as it was kept.
        body: as it was kept.
        upload: the identifier of the multipart upload which the call began, if it began one.
    """
    if upload:
        return Effect(Kind.PART, upload=upload)
    signature = head.get("HTTP_AUTHORIZATION", "") + head.get("QUERY_STRING", "")
    if not _SIGNED_FOR_S3.search(signature) or not _LOCAL_HOST.fullmatch(head.get("HTTP_HOST", "")):
        return Effect(Kind.OTHER, sources=tuple(_code(body)))
    path = head.get("PATH_INFO", "").encode("latin-1").decode(errors="replace").lstrip("/")
    bucket, _, key = path.partition("/")
    query = parse_qs(head.get("QUERY_STRING", ""), keep_blank_values=True)
    if not key:
        return _on_bucket(head, bucket, query, body)
    return _on_object(head, path, query)


def _on_bucket(head: Json, bucket: str, query: dict[str, list[str]], body: Body) -> Effect:
    if "versioning" in query or "object-lock" in query or "HTTP_X_AMZ_BUCKET_OBJECT_LOCK_ENABLED" in head:
        return Effect(Kind.VERSIONING, (bucket,))
    if head["REQUEST_METHOD"] == "POST" and "delete" in query:
        with body.open() as file:
            keys = tuple(f"{bucket}/{key}" for key in _deleted(file.read()))
        return Effect(Kind.DELETE, keys) if keys else Effect(Kind.OTHER)
    return Effect(Kind.OTHER)


def _on_object(head: Json, path: str, query: dict[str, list[str]]) -> Effect:
    method, upload = head["REQUEST_METHOD"], query.get("uploadId", [""])[0]
    copied = unquote(head.get("HTTP_X_AMZ_COPY_SOURCE", "")).lstrip("/").partition("?versionId=")[0]
    sources = (copied,) if copied else ()
    if upload:
        kind = {"PUT": Kind.PART, "POST": Kind.WRITE, "DELETE": Kind.ABORT}.get(method, Kind.OTHER)
        return Effect(kind, (path,), sources, upload)
    if any(name in query for name in _PARTIAL):
        return Effect(Kind.CHANGE, (path,))
    if method == "DELETE" and "versionId" not in query:
        return Effect(Kind.DELETE, (path,))
    if method == "PUT":
        return Effect(Kind.WRITE, (path,), sources)
    return Effect(Kind.OTHER)


def _deleted(text: bytes) -> Iterator[str]:
    """The keys that a multi-object delete names."""
    try:
        tree = ElementTree.fromstring(text)  # noqa: S314 - moto has parsed it and answered well
    except ElementTree.ParseError:
        return
    for each in tree.iter():
        if each.tag.rpartition("}")[2] == "Key" and each.text:
            yield each.text


def _code(body: Body) -> Iterator[str]:
    """The objects that a call of another service reads, such as the archive of a function's code."""
    if b'"S3Key"' not in body.short:
        return
    try:
        yield from _locations(json.loads(body.short))
    except (ValueError, RecursionError):
        return


def _locations(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("S3Bucket"), str) and isinstance(value.get("S3Key"), str):
            yield f"{value['S3Bucket']}/{value['S3Key']}"
        for inner in value.values():
            yield from _locations(inner)
