"""Lambda functions, who may call them, and what becomes of events that they fail on."""

from __future__ import annotations

import io
import zipfile

from pipelines.local.aws import Json
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.errors import ResourceError
from pipelines.local.stacks.kinds import Kind, Made, Wanted

_CODE = ("S3Bucket", "S3Key", "S3ObjectVersion", "ZipFile")
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP file can hold: the same archive for the same text
_NOT_IN_UPDATE = ("Architectures", "Code", "FunctionName", "PackageType", "ReservedConcurrentExecutions")


def _create_function(calls: Calls, wanted: Wanted) -> Made:
    answer = calls(
        "lambda",
        "CreateFunction",
        FunctionName=wanted.name,
        Code=_code(wanted),
        **wanted.but("Code", "FunctionName", "ReservedConcurrentExecutions"),
        Tags=dict(wanted.tags) or None,
    )
    return Made(wanted.name, {"Arn": answer["FunctionArn"]})


def _settle_function(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    name = made.physical_id
    if before and before.get("Code") != wanted.get("Code"):
        calls("lambda", "UpdateFunctionCode", FunctionName=name, **_code(wanted))
    left = wanted.but(*_NOT_IN_UPDATE)
    if before and any(before.get(key) != left.get(key) for key in {*before, *left} - {*_NOT_IN_UPDATE, "Tags"}):
        calls("lambda", "UpdateFunctionConfiguration", FunctionName=name, **left)
    reserved = wanted.get("ReservedConcurrentExecutions")
    if reserved is not None:
        calls("lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=reserved)
    elif "ReservedConcurrentExecutions" in before:
        calls.remove("lambda", "DeleteFunctionConcurrency", FunctionName=name)


def _code(wanted: Wanted) -> Json:
    """The code in the API's form; what stands in the template itself becomes `index.py`, as on AWS."""
    code = wanted.get("Code", {})
    unknown = set(code) - {*_CODE}
    if unknown:
        raise ResourceError(
            f"The embedded SageMaker does not take a function's code from {', '.join(sorted(unknown))}."
        )
    if "ZipFile" not in code:
        return dict(code)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(zipfile.ZipInfo("index.py", _MOMENT), code["ZipFile"])
    return {"ZipFile": buffer.getvalue()}


def _create_permission(calls: Calls, wanted: Wanted) -> Made:
    calls("lambda", "AddPermission", StatementId=wanted.name, **wanted.properties)
    return Made(wanted.name, {"Id": wanted.name})


def _delete_permission(calls: Calls, made: Made, properties: Json) -> None:
    function = properties["FunctionName"]
    calls.remove("lambda", "RemovePermission", FunctionName=function, StatementId=made.physical_id)


def _settle_invoke_config(calls: Calls, _made: Made, wanted: Wanted, _before: Json) -> None:
    calls("lambda", "PutFunctionEventInvokeConfig", **wanted.properties)


def _delete_invoke_config(calls: Calls, _made: Made, properties: Json) -> None:
    names = {name: properties[name] for name in ("FunctionName", "Qualifier")}
    calls.remove("lambda", "DeleteFunctionEventInvokeConfig", **names)


def _create_version(calls: Calls, wanted: Wanted) -> Made:
    version = calls("lambda", "PublishVersion", **wanted.some("FunctionName", "CodeSha256", "Description"))
    return Made(version["FunctionArn"], {"FunctionArn": version["FunctionArn"], "Version": version["Version"]})


def _create_alias(calls: Calls, wanted: Wanted) -> Made:
    alias = calls("lambda", "CreateAlias", **wanted.some("FunctionName", "FunctionVersion", "Name", "Description"))
    return Made(alias["AliasArn"], {"AliasArn": alias["AliasArn"]})


def _settle_alias(calls: Calls, _made: Made, wanted: Wanted, before: Json) -> None:
    if before:
        calls("lambda", "UpdateAlias", **wanted.some("FunctionName", "FunctionVersion", "Name", "Description"))


def _delete_alias(calls: Calls, _made: Made, properties: Json) -> None:
    names = {name: properties[name] for name in ("FunctionName", "Name")}
    calls.remove("lambda", "DeleteAlias", **names)


KINDS = {
    "AWS::Lambda::Function": Kind(
        _create_function,
        lambda calls, made, _: calls.remove("lambda", "DeleteFunction", FunctionName=made.physical_id),
        _settle_function,
        fixed=frozenset({"Architectures", "PackageType"}),
        named="FunctionName",
    ),
    "AWS::Lambda::Permission": Kind(_create_permission, _delete_permission),
    "AWS::Lambda::EventInvokeConfig": Kind(
        lambda _, wanted: Made(wanted.name),
        _delete_invoke_config,
        _settle_invoke_config,
        fixed=frozenset({"FunctionName", "Qualifier"}),
    ),
    # Of a function that is deleted its versions go too; AWS keeps a version that is deleted by itself as well.
    "AWS::Lambda::Version": Kind(_create_version, lambda *_: None),
    "AWS::Lambda::Alias": Kind(_create_alias, _delete_alias, _settle_alias, fixed=frozenset({"FunctionName", "Name"})),
}
