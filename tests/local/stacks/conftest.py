"""Stacks of the server that the tests share."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

KEYS = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
CONSENT = ["CAPABILITY_NAMED_IAM"]


class Stacks:
    """A client of CloudFormation, and the few calls that every test needs."""

    def __init__(self, tiny):
        self.tiny = tiny
        self.formation = self.client("cloudformation")

    def client(self, service):
        return boto3.client(service, endpoint_url=self.tiny.server.url, **KEYS)

    def create(self, resources, name=None, parameters=None, **sections):
        """Create a stack; returns its description when that has ended."""
        name = name or self.tiny.name("stack")
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]
        body = resources if isinstance(resources, str) else json.dumps({"Resources": resources, **sections})
        self.formation.create_stack(StackName=name, TemplateBody=body, Parameters=given, Capabilities=CONSENT)
        return self.describe(name)

    def update(self, name, resources, **sections):
        body = json.dumps({"Resources": resources, **sections})
        self.formation.update_stack(StackName=name, TemplateBody=body, Capabilities=CONSENT)
        return self.describe(name)

    def describe(self, name):
        """A stack as DescribeStacks shows it, its outputs as a dict."""
        stack = self.formation.describe_stacks(StackName=name)["Stacks"][0]
        return {**stack, "Outputs": {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}}

    def resources(self, name):
        found = self.formation.describe_stack_resources(StackName=name)["StackResources"]
        return {each["LogicalResourceId"]: each for each in found}

    def events(self, name):
        """Logical ID, status and reason of each event, the first first."""
        found = self.formation.describe_stack_events(StackName=name)["StackEvents"]
        return [
            (each["LogicalResourceId"], each["ResourceStatus"], each.get("ResourceStatusReason", ""))
            for each in reversed(found)
        ]

    def refusal(self, resources, **more):
        """The code and the message with which a stack is refused."""
        with pytest.raises(ClientError) as refused:
            self.create(resources, **more)
        return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def stacks(tiny):
    """CloudFormation of the module's server."""
    return Stacks(tiny)


@pytest.fixture(scope="session")
def queue():
    """Make a queue as a resource."""

    def make(**properties):
        return {"Type": "AWS::SQS::Queue", "Properties": properties}

    return make


@pytest.fixture(scope="session")
def role():
    """Make a role as a resource, which a service may take."""

    def make(service):
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}

    return make
