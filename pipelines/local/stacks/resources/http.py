"""HTTP APIs: what they consist of."""

from __future__ import annotations

from functools import partial

from pipelines.local.aws import REGION, Json
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.kinds import Kind, Made, Wanted


def _create_api(calls: Calls, wanted: Wanted) -> Made:
    api = calls("apigatewayv2", "CreateApi", **wanted.but(), Tags=dict(wanted.tags))
    endpoint = f"https://{api['ApiId']}.execute-api.{REGION}.amazonaws.com"
    return Made(api["ApiId"], {"ApiEndpoint": endpoint, "ApiId": api["ApiId"]})


def _settle_api(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    if before:
        calls("apigatewayv2", "UpdateApi", ApiId=made.physical_id, **wanted.but("ProtocolType"))


def _delete_api(calls: Calls, made: Made, _properties: Json) -> None:
    calls.remove("apigatewayv2", "DeleteApi", ApiId=made.physical_id)


def _create_part(noun: str, identifier: str, calls: Calls, wanted: Wanted) -> Made:
    tags = {"Tags": dict(wanted.tags)} if noun == "Stage" else {}
    made = calls("apigatewayv2", f"Create{noun}", **wanted.but(), **tags)[identifier]
    return Made(made, {identifier: made})


def _settle_part(noun: str, identifier: str, calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    if before:
        calls("apigatewayv2", f"Update{noun}", **{**wanted.but(), identifier: made.physical_id})


def _delete_part(noun: str, identifier: str, calls: Calls, made: Made, properties: Json) -> None:
    named = {"ApiId": properties["ApiId"], identifier: made.physical_id}
    calls.remove("apigatewayv2", f"Delete{noun}", **named)


def _part(noun: str, identifier: str) -> Kind:
    return Kind(
        partial(_create_part, noun, identifier),
        partial(_delete_part, noun, identifier),
        partial(_settle_part, noun, identifier),
        fixed=frozenset({"ApiId", "StageName"}),
    )


KINDS = {
    "AWS::ApiGatewayV2::Api": Kind(_create_api, _delete_api, _settle_api, fixed=frozenset({"ProtocolType"})),
    "AWS::ApiGatewayV2::Authorizer": _part("Authorizer", "AuthorizerId"),
    "AWS::ApiGatewayV2::Integration": _part("Integration", "IntegrationId"),
    "AWS::ApiGatewayV2::Route": _part("Route", "RouteId"),
    "AWS::ApiGatewayV2::Stage": _part("Stage", "StageName"),
}
