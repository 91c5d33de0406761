"""Models, configurations and endpoints survive a restart of the server; none of its processes does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# The life of one server: moto's state belongs to the process, so the test's own server leaves no room for another.
LIFE = """
import json, os, sys, time
from pathlib import Path
import boto3
from pipelines.local import EmbeddedSageMaker

state, containers, image, command = sys.argv[1:]
with EmbeddedSageMaker(state=Path(state), containers=Path(containers)) as aws:
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    client = lambda service: boto3.client(service, endpoint_url=aws.url, **keys)
    sagemaker, runtime = client("sagemaker"), client("sagemaker-runtime")
    def status(name):
        return sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
    def wait(name):
        while status(name) not in ("InService", "Failed"):
            time.sleep(0.05)
    def ask(name):
        return json.loads(runtime.invoke_endpoint(EndpointName=name, Body=b"")["Body"].read())
    def make(name, **environment):
        container = {"Image": image, "Environment": environment}
        sagemaker.create_model(ModelName=name, PrimaryContainer=container)
        variant = {"VariantName": "V", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    if command == "make":
        make("good", LEVEL="1")
        make("bad", EXIT="1")
        sagemaker.create_endpoint(EndpointName="good", EndpointConfigName="good", Tags=[{"Key": "a", "Value": "b"}])
        sagemaker.create_endpoint(EndpointName="bad", EndpointConfigName="bad")
        wait("good"), wait("bad")
        sagemaker.delete_model(ModelName="good")
        print(json.dumps({"port": ask("good")["port"]}), flush=True)
        routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 3600}
        make("new", LEVEL="2")
        sagemaker.update_endpoint(EndpointName="good", EndpointConfigName="new", DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}})
        while ask("good")["environment"]["LEVEL"] != "2":
            time.sleep(0.05)
        print(json.dumps({"port": ask("good")["port"]}), flush=True)
    else:
        wait("good")
        endpoint = sagemaker.describe_endpoint(EndpointName="good")
        print(json.dumps({
            "config": endpoint["EndpointConfigName"], "status": endpoint["EndpointStatus"],
            "reason": endpoint["FailureReason"], "created": str(endpoint["CreationTime"]),
            "tags": sagemaker.list_tags(ResourceArn=endpoint["EndpointArn"])["Tags"],
            "level": ask("good")["environment"]["LEVEL"], "port": ask("good")["port"], "bad": status("bad"),
            "models": sorted(each["ModelName"] for each in sagemaker.list_models()["Models"]),
        }), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def live(tmp_path, containers, server_image):
    """Run a server in a process of its own; gives the process, and what it says line by line."""
    script = tmp_path / "life.py"
    script.write_text(LIFE)
    started = []

    def start(command):
        process = subprocess.Popen(
            [sys.executable, script, tmp_path / "state", containers, server_image, command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        started.append(process)
        return process, lambda: json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_endpoints_come_back_after_a_server_was_killed_and_none_of_its_processes_stays(live, until, listens):
    killed, say = live("make")
    ports = [say()["port"], say()["port"]]
    assert all(map(listens, ports))
    killed.kill()
    until(lambda: not any(map(listens, ports)))

    later, say = live("look")
    seen = say()
    assert (seen["status"], seen["config"], seen["level"]) == ("InService", "good", "1")
    assert seen["reason"] == "The server ended during an update; the endpoint is as it was before."
    assert (seen["tags"], seen["bad"]) == ([{"Key": "a", "Value": "b"}], "Failed")
    assert seen["models"] == ["bad", "new"]
    assert listens(seen["port"])
    later.stdin.close()
    assert later.wait(60) == 0
    assert not listens(seen["port"])
