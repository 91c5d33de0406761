"""An embedded SageMaker's S3 with a bucket of our own."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import pytest
from rich.console import Console

from pipelines.target import Target


@pytest.fixture
def bucket(target: Target) -> str:
    name = f"photos-{uuid4().hex[:12]}"
    target.s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def stored(target: Target, bucket: str) -> Callable[[], dict[str, bytes]]:
    """What the bucket holds, by key."""

    def read() -> dict[str, bytes]:
        listed = target.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {each["Key"]: target.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed}

    return read


@pytest.fixture
def console() -> Console:
    """What is printed is in `console.file`."""
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def refusing() -> Iterator[Callable[[int, str], str]]:
    """Start an S3 server that holds nothing, and refuses what it is sent with a status and a code; its address."""
    with ExitStack() as started:

        def start(status: int, code: str) -> str:
            class Refusing(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self._answer(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")

                def do_HEAD(self) -> None:
                    self._answer(200, "")

                def do_PUT(self) -> None:
                    self.rfile.read(int(self.headers["Content-Length"]))
                    self._answer(status, f"<Error><Code>{code}</Code><Message>No</Message></Error>")

                def _answer(self, status: int, body: str) -> None:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body.encode())

                def log_message(self, *_: object) -> None:
                    pass

            server = started.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Refusing))
            started.callback(server.shutdown)
            Thread(target=server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}"

        yield start
