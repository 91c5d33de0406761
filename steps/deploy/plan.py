"""What SageMaker is asked for to put a package live: requests made of the package and the wishes, and nothing else."""

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

from steps.deploy.packages import Package
from steps.deploy.wishes import Wishes

VARIANT = "AllTraffic"
_NAME_DIGITS = 8  # of the hash: a name has at most 63 characters
_STARTING_SECONDS = 3600  # for the instances of an update to start
# Bounds of MaximumExecutionTimeoutInSeconds, by the reference of BlueGreenUpdatePolicy.
_SHORTEST_LIMIT_SECONDS, _LONGEST_LIMIT_SECONDS = 600, 14_400

Request = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """The requests of one deployment.

    Attributes:
        name: of the model and of the endpoint configuration: endpoint, version and a hash of all that is asked for,
            so that whoever asks for the same asks for it by the same name.
        version: of the package.
        model: the request of CreateModel, without tags.
        config: the request of CreateEndpointConfig, without tags.
        rollout: the DeploymentConfig of an update; empty on serverless endpoints, where SageMaker takes none.
    """

    name: str
    version: int
    model: Request
    config: Request
    rollout: Request


def make_plan(wishes: Wishes, package: Package) -> Plan:
    """The requests that put `package` live as `wishes` say."""
    model: Request = {
        "PrimaryContainer": {"ModelPackageName": package.arn},
        "ExecutionRoleArn": wishes.model_role,
        # Serving needs nothing but its model. Serverless endpoints do not have network isolation.
        "EnableNetworkIsolation": not wishes.serverless,
    }
    config = {"ProductionVariants": [_variant(wishes)], **_instance_options(wishes)}
    asked = json.dumps([model, config], sort_keys=True).encode()
    name = f"{wishes.endpoint}-v{package.version}-{hashlib.sha256(asked).hexdigest()[:_NAME_DIGITS]}"
    config["ProductionVariants"][0]["ModelName"] = name
    return Plan(
        name=name,
        version=package.version,
        model={"ModelName": name, **model},
        config={"EndpointConfigName": name, **config},
        rollout={} if wishes.serverless else _rollout(wishes),
    )


def alarm_names(endpoint: str) -> tuple[str, str]:
    """The alarms that roll an update of the endpoint back: errors, and latency."""
    return f"{endpoint}-errors", f"{endpoint}-latency"


def _variant(wishes: Wishes) -> Request:
    if wishes.serverless:
        options = {"MemorySizeInMB": wishes.memory_mb, "MaxConcurrency": wishes.concurrency}
        return {"VariantName": VARIANT, "ServerlessConfig": options}
    return {
        "VariantName": VARIANT,
        "InstanceType": wishes.instance_type,
        "InitialInstanceCount": wishes.minimum_instances,
    }


def _instance_options(wishes: Wishes) -> Request:
    """Data capture and encryption, which serverless endpoints do not have."""
    options: Request = {}
    key = {"KmsKeyId": wishes.kms_key} if wishes.kms_key else {}
    if wishes.serverless:
        return options
    if wishes.capture_percent:
        options["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": wishes.capture_percent,
            "DestinationS3Uri": wishes.capture_uri,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            **key,
        }
    return {**options, **key}


def _rollout(wishes: Wishes) -> Request:
    routing: Request = {"Type": wishes.traffic.upper(), "WaitIntervalInSeconds": wishes.bake_seconds}
    size = {"Type": "CAPACITY_PERCENT", "Value": wishes.traffic_percent}
    steps = 1
    if wishes.traffic == "canary":
        routing["CanarySize"], steps = size, 2
    elif wishes.traffic == "linear":
        routing["LinearStepSize"], steps = size, math.ceil(100 / wishes.traffic_percent)
    limit = (steps + 1) * wishes.bake_seconds + _STARTING_SECONDS
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": wishes.bake_seconds,
            "MaximumExecutionTimeoutInSeconds": min(max(limit, _SHORTEST_LIMIT_SECONDS), _LONGEST_LIMIT_SECONDS),
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarm_names(wishes.endpoint)]},
    }
