"""A foreign project's serving container, and the few calls that every test of hosting needs."""

import io
import tarfile

import pytest

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny/server:1"

# What the server's image does. Its answers show what it was given; a request tells it how to behave.
SERVE = """#!/usr/bin/env python3
import http.server, json, os, pathlib, signal, sys, time
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
files = {p.relative_to(base / "model").as_posix(): p.read_text() for p in (base / "model").rglob("*") if p.is_file()}
print("serving", sorted(files), flush=True)
if "EXIT" in os.environ:
    sys.exit(int(os.environ["EXIT"]))
if "STUBBORN" in os.environ:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.reply(503 if "SICK" in os.environ else 200, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.count += 1
        if body == b"die":
            os._exit(1)
        if body.startswith(b"sleep "):
            time.sleep(float(body[6:]))
        if body.startswith(b"status "):
            return self.reply(int(body[7:]), b"the lamp is off")
        if body == b"echo":
            return self.reply(200, body, self.headers["Content-Type"])
        self.reply(200, json.dumps({
            "files": files, "pid": os.getpid(), "body": body.decode(), "headers": dict(self.headers),
            "environment": dict(os.environ), "count": self.server.count,
        }).encode())

    def reply(self, status, body, type="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(body)))
        if "X-Amzn-SageMaker-Custom-Attributes" in self.headers:
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", "seen")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    count = 0

Server(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def archive(**files):
    """A tar.gz of text files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def pack():
    return archive


@pytest.fixture(scope="session")
def server_image(containers):
    """The image of a container that serves."""
    program = containers / "server" / "bin" / "serve"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(SERVE)
    program.chmod(0o755)
    return IMAGE
