"""Functions on a running server."""

import io
import json
import textwrap
import zipfile

import pytest


class Lambda:
    """The Lambda client of a server, and how tests make functions."""

    def __init__(self, tiny):
        self.tiny = tiny
        self.client = tiny.session.client("lambda", endpoint_url=tiny.server.url)
        iam = tiny.session.client("iam", endpoint_url=tiny.server.url)
        self.role = iam.create_role(RoleName="functions", AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    @staticmethod
    def archive(**files):
        """A ZIP archive of modules by name."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as opened:
            for name, text in files.items():
                opened.writestr(f"{name}.py", textwrap.dedent(text))
        return target.getvalue()

    def create(self, code, handler="main.handler", timeout=60, memory=256, runtime="python3.11", **more):
        """Create a function of this code; returns its name."""
        name = self.tiny.name("function")
        body = code if isinstance(code, bytes) else self.archive(main=code)
        self.client.create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler=handler,
            Role=self.role,
            Code={"ZipFile": body},
            Timeout=timeout,
            MemorySize=memory,
            **more,
        )
        return name

    def invoke(self, name, event=None, **more):
        """Invoke; returns the answer with its payload parsed."""
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event or {}).encode(), **more)
        payload = answer["Payload"].read()
        return {**answer, "Payload": json.loads(payload) if payload else None}

    def run(self, code, event=None, **more):
        return self.invoke(self.create(code, **more), event)


@pytest.fixture(scope="module")
def functions(tiny):
    """Functions on the running server."""
    return Lambda(tiny)


@pytest.fixture(scope="session")
def functions_of():
    """Make the functions of any server, given its clients."""
    return Lambda
