"""A small S3 server that is faster than its clients, so that they are what is measured: moto answers 190 to 390 GET/s.

It holds one bucket of equal objects, made up as they are asked for, and knows what reading clients need: ListObjectsV2,
GetObject, HeadObject and HeadBucket, in path style. Every answer comes after a fixed time, as over a network.

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
        elif not key:
            await _answer(send, 200, self._listing(parse_qs(scope["query_string"].decode())))
        elif key not in self._known:
            await _answer(send, 404, _error("NoSuchKey"))
        else:
            # The server leaves the body of an answer to HEAD out by itself.
            await _answer(send, 200, self._body, (b"etag", b'"1"'), (b"last-modified", MODIFIED))

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
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="{NAMESPACE}"><Name>{BUCKET}</Name>'
            f"<Prefix>{quote(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"<IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        ).encode()


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


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
