"""A foreign project's serving container, and the few calls that every test of hosting needs."""

import io
import json
import socket
import tarfile

import pytest
from botocore.config import Config

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny/server:1"

# What the server's image does. Its answers show what it was given; a request tells it how to behave.
SERVE = """#!/usr/bin/env python3
import http.server, json, os, pathlib, signal, sys, time
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
files = {p.relative_to(base / "model").as_posix(): p.read_text() for p in (base / "model").rglob("*") if p.is_file()}
print("serving", sorted(files), flush=True)
if "EXIT" in os.environ:
    sys.exit(int(os.environ["EXIT"]))
while not pathlib.Path(os.environ.get("WAIT_FOR", "/")).exists():
    time.sleep(0.05)
if "STUBBORN" in os.environ:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet

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
        if body.startswith(b"list "):
            return self.reply(200, json.dumps(os.listdir(body[5:].decode())).encode())
        if body == b"echo":
            return self.reply(200, body, self.headers["Content-Type"])
        self.reply(200, json.dumps({
            "files": files, "port": self.server.server_port, "body": body.decode(), "headers": dict(self.headers),
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


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def listens():
    """Whether somebody listens on a port."""
    return is_open


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


class Endpoints:
    """Models and endpoints of the serving container, and invocations of them."""

    def __init__(self, tiny, image, until):
        self.tiny = tiny
        self.sagemaker = tiny.sagemaker
        self.image = image
        self.until = until
        config = Config(retries={"max_attempts": 1})
        self.runtime = tiny.session.client("sagemaker-runtime", endpoint_url=tiny.server.url, config=config)

    def model(self, weights=None, **environment):
        """Create a model whose data is one file; returns its name."""
        name = self.tiny.name("model")
        container = {"Image": self.image, "Environment": environment}
        if weights is not None:
            key = f"hosting/{name}/model.tar.gz"
            self.tiny.s3.put_object(Bucket=self.tiny.bucket, Key=key, Body=archive(weights=weights))
            container["ModelDataUrl"] = f"s3://{self.tiny.bucket}/{key}"
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self.tiny.role)
        return name

    def variant(self, model, name="AllTraffic", count=1, **more):
        return {
            "VariantName": name,
            "ModelName": model,
            "InitialInstanceCount": count,
            "InstanceType": "ml.m5.large",
            **more,
        }

    def config(self, *variants, **more):
        """Create a configuration of variants, or of one for a model given by its name; returns its name."""
        name = self.tiny.name("config")
        variants = [self.variant(each) if isinstance(each, str) else each for each in variants]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **more)
        return name

    def create(self, config, status="InService", **more):
        """Create an endpoint and wait for its status; returns its name."""
        name = self.tiny.name("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, **more)
        assert self.settle(name)["EndpointStatus"] == status
        return name

    def update(self, name, config, **more):
        self.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **more)

    def settle(self, name):
        """Wait until nothing is being done to an endpoint; returns its description."""
        self.until(lambda: self.describe(name)["EndpointStatus"] in ("InService", "Failed"))
        return self.describe(name)

    def describe(self, name):
        return self.sagemaker.describe_endpoint(EndpointName=name)

    def invoke(self, name, body=b"", **more):
        return self.runtime.invoke_endpoint(EndpointName=name, Body=body, **more)

    def ask(self, name, body=b"", **more):
        """What the container says it was sent."""
        return json.loads(self.invoke(name, body, **more)["Body"].read())

    def delete(self, name):
        self.sagemaker.delete_endpoint(EndpointName=name)
        self.until(lambda: name not in self.names())

    @staticmethod
    def archive(**files):
        return archive(**files)

    def names(self):
        return [each["EndpointName"] for each in self.sagemaker.list_endpoints()["Endpoints"]]


@pytest.fixture
def endpoints(tiny, server_image, until):
    """Endpoints of the running server; those of the test are deleted after it."""
    made = Endpoints(tiny, server_image, until)
    yield made
    for name in made.names():
        made.settle(name)
        made.delete(name)
