"""What a kept call of S3 does to its objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from pipelines.local.aws import Json
from pipelines.local.persistence.bodies import Body
from pipelines.local.persistence.effects import Effect, Kind

_LOCAL_HOST = re.compile(r"(localhost|[\d.]+|\[[\da-f:]+\])(:\d+)?")  # with the bucket in the path
_PARTIAL = ("tagging", "acl", "retention", "legal-hold", "restore")


def effect_on_objects(head: Json, body: Body) -> Effect:
    """The effect of a call that is signed for S3."""
    if not _LOCAL_HOST.fullmatch(head.get("HTTP_HOST", "")):
        return Effect(Kind.UNKNOWN)
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
    if head["REQUEST_METHOD"] == "POST" or (head["REQUEST_METHOD"] == "DELETE" and not query):
        return Effect(Kind.UNKNOWN)  # a form with an object; or the end of a bucket, which must be empty by then
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
