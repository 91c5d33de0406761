"""What a kept call of Lambda does to functions: the code of one that is updated again, or deleted, may be forgotten.

A function has two keys: itself and its present code, for an update replaces the code alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http import HTTPMethod
from typing import Any
from urllib.parse import unquote

from pipelines.local.aws import Json
from pipelines.local.persistence.bodies import Body
from pipelines.local.persistence.effects import Effect, Kind

_PATH = re.compile(r"/\d{4}-\d\d-\d\d/functions(?:/(?P<name>[^/]+)(?:/(?P<rest>.*?))?)?/?")
_NAME = re.compile(r"(?:arn:aws:lambda:[\w-]+:\d+:function:|(?:\d+:)?function:)?([\w-]+)")
_LAYER_PATH = re.compile(r"/\d{4}-\d\d-\d\d/layers/.*")
_LARGEST_BODY = 72 * 1024 * 1024  # bytes; 50 MiB of code, Lambda's quota of a request, as base64


def effect_on_functions(head: Json, body: Body, region: str) -> Effect:
    """The effect of a call of Lambda in a region."""
    method, path = head["REQUEST_METHOD"], head.get("PATH_INFO", "")
    request = _request(body)
    if request is None:
        return Effect(Kind.UNKNOWN)
    archives = tuple(_locations(request))
    if _LAYER_PATH.fullmatch(path):
        return Effect(Kind.OTHER, sources=archives)
    found = _PATH.fullmatch(path)
    called = _NAME.fullmatch(unquote(found["name"] or str(request.get("FunctionName")))) if found else None
    if found is None or called is None:
        return Effect(Kind.UNKNOWN)
    itself = f"lambda:{region}/{called[1]}"
    code = f"{itself}/code"
    whole = "Qualifier=" not in head.get("QUERY_STRING", "")
    match method, found["name"], found["rest"] or "":
        case HTTPMethod.POST, None, "":
            return Effect(Kind.WRITE, (itself, code), archives)
        case HTTPMethod.DELETE, str(), "" if whole:
            return Effect(Kind.DELETE, (itself, code))
        case HTTPMethod.PUT, str(), "code" if whole and not request.get("Publish"):
            return Effect(Kind.WRITE, (code,), archives)
    return Effect(Kind.CHANGE, (itself,), (code, *archives) if _publishes(found, request) else archives)


def _publishes(found: re.Match[str], request: Json) -> bool:
    """Whether a call makes a version of the present code."""
    return bool(found["rest"] == "versions" or request.get("Publish"))


def _request(body: Body) -> Json | None:
    """The parsed body; None where it cannot be understood."""
    if body.length > _LARGEST_BODY:
        return None
    with body.open() as file:
        text = file.read()
    try:
        request = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        return None
    return request if isinstance(request, dict) else None


def _locations(value: Any) -> Iterator[str]:
    """The objects that hold archives of code."""
    if isinstance(value, dict):
        if isinstance(value.get("S3Bucket"), str) and isinstance(value.get("S3Key"), str):
            yield f"{value['S3Bucket']}/{value['S3Key']}"
        for inner in value.values():
            yield from _locations(inner)
