"""A small S3 server that is faster than its clients, so that they are what is measured: moto answers 190 to 390 GET/s.

It holds one bucket of equal objects, made up as they are asked for, and knows what reading clients need: ListObjectsV2,
GetObject, HeadObject and HeadBucket, in path style. What is written, at once or in parts, is taken and forgotten. Every
answer comes after a fixed time, as over a network.

    python s3_server.py --objects 5000 --object-bytes 60000 --latency-seconds 0.015
"""

import argparse
import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, quote

Send = Callable[[dict[str, Any]], Awaitable[None]]

BUCKET = "photos"
PAGE = 1000
"""Objects per answer of a listing, as in S3."""

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MODIFIED = b"Sat, 21 Nov 2026 10:00:00 GMT"
MODIFIED_ISO = "2026-11-21T10:00:00.000Z"


def object_key(number: int) -> str:
    """The key of an object, counted from 0; a thousand lie together."""
    return f"images/{number // 1000}/{number % 1000:03d}.jpg"


class Bucket:
    """`objects` objects `images/0/000.jpg`, ... of `object_bytes` bytes, as an ASGI application."""

    def __init__(self, objects: int, object_bytes: int, latency_seconds: float) -> None:
        self._keys = [object_key(number) for number in range(objects)]
        self._known = set(self._keys)
        self._body = bytes(object_bytes)
        self._latency_seconds = latency_seconds

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        await asyncio.sleep(self._latency_seconds)
        bucket, _, key = scope["path"].lstrip("/").partition("/")
        if bucket != BUCKET:
            await _answer(send, 404, _error("NoSuchBucket"))
        elif scope["method"] in ("PUT", "POST"):
            await self._take(scope, receive, send, key)
        elif not key:
            await _answer(send, 200, self._listing(parse_qs(scope["query_string"].decode())))
        elif key not in self._known:
            await _answer(send, 404, _error("NoSuchKey"))
        else:
            # The server leaves the body of an answer to HEAD out by itself.
            await _answer(send, 200, self._body, (b"etag", b'"1"'), (b"last-modified", MODIFIED))

    async def _take(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send, key: str) -> None:
        """PutObject, UploadPart, CreateMultipartUpload and CompleteMultipartUpload."""
        while (await receive()).get("more_body"):
            pass
        named = f"<Bucket>{BUCKET}</Bucket><Key>{quote(key)}</Key>"
        if scope["method"] == "PUT":
            await _answer(send, 200, b"", (b"etag", b'"1"'))
        elif scope["query_string"].startswith(b"uploads"):
            await _answer(send, 200, _document("InitiateMultipartUploadResult", f"{named}<UploadId>1</UploadId>"))
        else:
            await _answer(send, 200, _document("CompleteMultipartUploadResult", f"{named}<ETag>&quot;1-2&quot;</ETag>"))

    def _listing(self, query: dict[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        matching = [key for key in self._keys if key.startswith(prefix)]
        start = int(query.get("continuation-token", ["0"])[0])
        page, rest = matching[start : start + PAGE], matching[start + PAGE :]
        entries = "".join(
            f"<Contents><Key>{quote(key)}</Key><LastModified>{MODIFIED_ISO}</LastModified><ETag>&quot;1&quot;</ETag>"
            f"<Size>{len(self._body)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if rest else ""
        return _document(
            "ListBucketResult",
            f"<Name>{BUCKET}</Name><Prefix>{quote(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
            f"<MaxKeys>{PAGE}</MaxKeys><IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{token}{entries}",
        )


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


def _document(kind: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{kind} xmlns="{NAMESPACE}">{content}</{kind}>'.encode()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code></Error>".encode()


def main() -> None:
    """Serve until ended; the first line of the output is the endpoint."""
    import uvicorn  # not above: the clients import this file, and their memory is measured

    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, required=True)
    parser.add_argument("--object-bytes", type=int, required=True)
    parser.add_argument("--latency-seconds", type=float, required=True)
    options = parser.parse_args()
    bucket = Bucket(options.objects, options.object_bytes, options.latency_seconds)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        bucket, loop="uvloop", http="httptools", lifespan="off", access_log=False, log_level="error"
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
