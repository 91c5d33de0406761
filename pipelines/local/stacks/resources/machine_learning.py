"""SageMaker's own resources: registry groups, pipelines, models, endpoints."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from pipelines.local.aws import Json, arn
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.errors import ResourceError
from pipelines.local.stacks.kinds import Kind, Made, Wanted

_LONGEST_NAME = 63


def _create_group(calls: Calls, wanted: Wanted) -> Made:
    description = wanted.get("ModelPackageGroupDescription")
    made = calls(
        "sagemaker",
        "CreateModelPackageGroup",
        ModelPackageGroupName=wanted.name,
        ModelPackageGroupDescription=description,
        Tags=wanted.tag_list,
    )["ModelPackageGroupArn"]
    return Made(made, {"ModelPackageGroupArn": made, "ModelPackageGroupStatus": "Completed"})


def _delete_group(calls: Calls, made: Made, _properties: Json) -> None:
    name = made.physical_id.rpartition("/")[2]
    calls.remove("sagemaker", "DeleteModelPackageGroup", ModelPackageGroupName=name)


def _create_pipeline(calls: Calls, wanted: Wanted) -> Made:
    calls(
        "sagemaker",
        "CreatePipeline",
        PipelineName=wanted.name,
        ClientRequestToken=wanted.token,
        Tags=wanted.tag_list,
        **_of_pipeline(wanted),
    )
    return Made(wanted.name, {"Arn": arn(f"pipeline/{wanted.name}")})


def _settle_pipeline(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    if before:
        calls("sagemaker", "UpdatePipeline", PipelineName=made.physical_id, **_of_pipeline(wanted))


def _delete_pipeline(calls: Calls, made: Made, _properties: Json) -> None:
    token = f"delete-{made.physical_id}".ljust(32, "-")
    calls.remove("sagemaker", "DeletePipeline", PipelineName=made.physical_id, ClientRequestToken=token)


def _of_pipeline(wanted: Wanted) -> Json:
    """The definition and the rest, in the API's words."""
    definition: Any = wanted.get("PipelineDefinition")
    if not isinstance(definition, dict):
        raise ResourceError("#/PipelineDefinition: expected type: JSONObject")
    given: Json = {"PipelineDefinition": definition.get("PipelineDefinitionBody")}
    location = definition.get("PipelineDefinitionS3Location")
    if location is not None:
        names = {"Bucket": "Bucket", "Key": "ObjectKey", "Version": "VersionId"}
        given = {"PipelineDefinitionS3Location": {names[key]: value for key, value in location.items() if key in names}}
    return {**given, **wanted.but("PipelineDefinition", "PipelineName")}


def _create_named(noun: str, calls: Calls, wanted: Wanted) -> Made:
    """Create what CloudFormation describes in the words of the API."""
    name = {f"{noun}Name": wanted.name}
    tags = wanted.tag_list
    made = calls("sagemaker", f"Create{noun}", **name, **wanted.but(f"{noun}Name"), Tags=tags)[f"{noun}Arn"]
    return Made(made, {f"{noun}Name": wanted.name, f"{noun}Arn": made})


def _delete_named(noun: str, calls: Calls, made: Made, _: Json) -> None:
    calls.remove("sagemaker", f"Delete{noun}", **{f"{noun}Name": made.attributes[f"{noun}Name"]})


def _settle_endpoint(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    """Wait until an endpoint is in service; move one that there is to the configuration that is wanted."""
    name = made.attributes["EndpointName"]
    if before:
        calls("sagemaker", "UpdateEndpoint", EndpointName=name, **wanted.some("EndpointConfigName", "DeploymentConfig"))
    if _until_at_rest(calls, name) != "InService":
        described = calls("sagemaker", "DescribeEndpoint", EndpointName=name)
        raise ResourceError(described.get("FailureReason", f"The endpoint is {described['EndpointStatus']}."))


def _delete_endpoint(calls: Calls, made: Made, properties: Json) -> None:
    _delete_named("Endpoint", calls, made, properties)
    _until_at_rest(calls, made.attributes["EndpointName"])


def _until_at_rest(calls: Calls, name: str) -> str:
    """Wait until nothing is being done to an endpoint; its status then, `Deleted` where there is none."""
    while True:
        try:
            status: str = calls("sagemaker", "DescribeEndpoint", EndpointName=name)["EndpointStatus"]
        except ClientError:
            return "Deleted"
        if not status.endswith("ing"):
            return status
        time.sleep(0.1)


def _named(noun: str) -> Kind:
    return Kind(
        partial(_create_named, noun), partial(_delete_named, noun), named=f"{noun}Name", longest_name=_LONGEST_NAME
    )


KINDS = {
    "AWS::SageMaker::ModelPackageGroup": Kind(
        _create_group, _delete_group, named="ModelPackageGroupName", longest_name=_LONGEST_NAME
    ),
    "AWS::SageMaker::Pipeline": Kind(
        _create_pipeline, _delete_pipeline, _settle_pipeline, named="PipelineName", longest_name=_LONGEST_NAME
    ),
    "AWS::SageMaker::Model": _named("Model"),
    "AWS::SageMaker::EndpointConfig": _named("EndpointConfig"),
    "AWS::SageMaker::Endpoint": Kind(
        partial(_create_named, "Endpoint"),
        _delete_endpoint,
        _settle_endpoint,
        named="EndpointName",
        longest_name=_LONGEST_NAME,
    ),
}
