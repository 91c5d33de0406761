"""Roles, policies and keys."""

from __future__ import annotations

from pipelines.local.aws import Json
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.kinds import Kind, Made, Wanted, changed

_MOST_VERSIONS = 5  # of a managed policy
_PENDING_DAYS = 30  # of a key that is deleted, AWS's default


def _create_role(calls: Calls, wanted: Wanted) -> Made:
    role = calls(
        "iam",
        "CreateRole",
        RoleName=wanted.name,
        **wanted.some("AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Path", "PermissionsBoundary"),
        Tags=wanted.tag_list,
    )["Role"]
    return Made(wanted.name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _settle_role(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    name = made.physical_id
    differing = changed(before, wanted.properties)
    if before and "AssumeRolePolicyDocument" in differing:
        calls("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=wanted.get("AssumeRolePolicyDocument"))
    if before and {"Description", "MaxSessionDuration"} & {*differing}:
        calls("iam", "UpdateRole", RoleName=name, **wanted.some("Description", "MaxSessionDuration"))
    old = {each["PolicyName"] for each in before.get("Policies", [])}
    for policy in wanted.get("Policies", []):
        calls("iam", "PutRolePolicy", RoleName=name, **policy)
        old.discard(policy["PolicyName"])
    for each in old:
        calls.remove("iam", "DeleteRolePolicy", RoleName=name, PolicyName=each)
    attached, had = wanted.get("ManagedPolicyArns", []), before.get("ManagedPolicyArns", [])
    for arn in attached:
        if arn not in had:
            calls("iam", "AttachRolePolicy", RoleName=name, PolicyArn=arn)
    for arn in had:
        if arn not in attached:
            calls.remove("iam", "DetachRolePolicy", RoleName=name, PolicyArn=arn)


def _delete_role(calls: Calls, made: Made, properties: Json) -> None:
    name = made.physical_id
    for arn in properties.get("ManagedPolicyArns", []):
        calls.remove("iam", "DetachRolePolicy", RoleName=name, PolicyArn=arn)
    for policy in properties.get("Policies", []):
        calls.remove("iam", "DeleteRolePolicy", RoleName=name, PolicyName=policy["PolicyName"])
    calls.remove("iam", "DeleteRole", RoleName=name)


def _create_managed_policy(calls: Calls, wanted: Wanted) -> Made:
    policy = calls(
        "iam",
        "CreatePolicy",
        PolicyName=wanted.name,
        **wanted.some("PolicyDocument", "Description", "Path"),
    )["Policy"]
    return Made(policy["Arn"], {"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]})


def _settle_managed_policy(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    arn = made.physical_id
    if before and before.get("PolicyDocument") != wanted.get("PolicyDocument"):
        versions = calls("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]
        if len(versions) == _MOST_VERSIONS:
            oldest = min(
                (each for each in versions if not each["IsDefaultVersion"]), key=lambda each: each["CreateDate"]
            )
            calls("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=oldest["VersionId"])
        document = wanted.get("PolicyDocument")
        calls("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    roles, had = wanted.get("Roles", []), before.get("Roles", [])
    for role in roles:
        if role not in had:
            calls("iam", "AttachRolePolicy", RoleName=role, PolicyArn=arn)
    for role in had:
        if role not in roles:
            calls.remove("iam", "DetachRolePolicy", RoleName=role, PolicyArn=arn)


def _delete_managed_policy(calls: Calls, made: Made, properties: Json) -> None:
    arn = made.physical_id
    for role in properties.get("Roles", []):
        calls.remove("iam", "DetachRolePolicy", RoleName=role, PolicyArn=arn)
    for version in calls("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            calls.remove("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version["VersionId"])
    calls.remove("iam", "DeletePolicy", PolicyArn=arn)


def _settle_policy(calls: Calls, _made: Made, wanted: Wanted, before: Json) -> None:
    name, roles = wanted.get("PolicyName"), wanted.get("Roles", [])
    for role in roles:
        calls("iam", "PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=wanted.get("PolicyDocument"))
    for role in before.get("Roles", []):
        if role not in roles:
            calls.remove("iam", "DeleteRolePolicy", RoleName=role, PolicyName=name)


def _delete_policy(calls: Calls, _made: Made, properties: Json) -> None:
    for role in properties.get("Roles", []):
        calls.remove("iam", "DeleteRolePolicy", RoleName=role, PolicyName=properties["PolicyName"])


def _settle_role_policy(calls: Calls, _made: Made, wanted: Wanted, _before: Json) -> None:
    calls("iam", "PutRolePolicy", **wanted.some("RoleName", "PolicyName", "PolicyDocument"))


def _delete_role_policy(calls: Calls, _made: Made, properties: Json) -> None:
    names = {name: properties[name] for name in ("RoleName", "PolicyName")}
    calls.remove("iam", "DeleteRolePolicy", **names)


def _create_key(calls: Calls, wanted: Wanted) -> Made:
    tags = [{"TagKey": key, "TagValue": value} for key, value in wanted.tags.items()]
    given = wanted.some("Description", "KeySpec", "KeyUsage", "MultiRegion", "Origin")
    key = calls("kms", "CreateKey", Policy=wanted.get("KeyPolicy"), **given, Tags=tags)["KeyMetadata"]
    return Made(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})


def _settle_key(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    key = made.physical_id
    differing = changed(before, wanted.properties)
    if before and "KeyPolicy" in differing:
        calls("kms", "PutKeyPolicy", KeyId=key, PolicyName="default", Policy=wanted.get("KeyPolicy"))
    if before and "Description" in differing:
        calls("kms", "UpdateKeyDescription", KeyId=key, Description=wanted.get("Description", ""))
    if "EnableKeyRotation" in differing:
        rotated = str(wanted.get("EnableKeyRotation", False)).lower() == "true"
        calls("kms", "EnableKeyRotation" if rotated else "DisableKeyRotation", KeyId=key)


def _delete_key(calls: Calls, made: Made, properties: Json) -> None:
    days = properties.get("PendingWindowInDays", _PENDING_DAYS)
    calls.remove("kms", "ScheduleKeyDeletion", KeyId=made.physical_id, PendingWindowInDays=days)


def _create_alias(calls: Calls, wanted: Wanted) -> Made:
    calls("kms", "CreateAlias", AliasName=wanted.name, TargetKeyId=wanted.get("TargetKeyId"))
    return Made(wanted.name)


def _settle_alias(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    if before:
        calls("kms", "UpdateAlias", AliasName=made.physical_id, TargetKeyId=wanted.get("TargetKeyId"))


KINDS = {
    "AWS::IAM::Role": Kind(
        _create_role, _delete_role, _settle_role, fixed=frozenset({"Path", "PermissionsBoundary"}), named="RoleName"
    ),
    "AWS::IAM::ManagedPolicy": Kind(
        _create_managed_policy,
        _delete_managed_policy,
        _settle_managed_policy,
        fixed=frozenset({"Path", "Description"}),
        named="ManagedPolicyName",
        longest_name=128,
    ),
    "AWS::IAM::Policy": Kind(
        lambda _, wanted: Made(wanted.name, {"Id": wanted.name}),
        _delete_policy,
        _settle_policy,
        fixed=frozenset({"PolicyName"}),
    ),
    "AWS::IAM::RolePolicy": Kind(
        lambda _, wanted: Made(f"{wanted.get('PolicyName')}|{wanted.get('RoleName')}"),
        _delete_role_policy,
        _settle_role_policy,
        fixed=frozenset({"PolicyName", "RoleName"}),
    ),
    "AWS::KMS::Key": Kind(
        _create_key, _delete_key, _settle_key, fixed=frozenset({"KeySpec", "KeyUsage", "MultiRegion", "Origin"})
    ),
    "AWS::KMS::Alias": Kind(
        _create_alias,
        lambda calls, made, _: calls.remove("kms", "DeleteAlias", AliasName=made.physical_id),
        _settle_alias,
        named="AliasName",
    ),
}
