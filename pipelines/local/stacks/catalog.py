"""Every type of resource: those that are made real, and those that are only kept as part of their stack."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from pipelines.local.aws import ACCOUNT, REGION
from pipelines.local.stacks.errors import refused
from pipelines.local.stacks.kinds import Kind, Made, Wanted
from pipelines.local.stacks.resources import (
    events,
    functions,
    http,
    identity,
    machine_learning,
    messages,
    observation,
    secrets,
    storage,
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        **identity.KINDS,
        **storage.KINDS,
        **functions.KINDS,
        **messages.KINDS,
        **events.KINDS,
        **machine_learning.KINDS,
        **observation.KINDS,
        **secrets.KINDS,
        **http.KINDS,
    }
)
"""The types that are made real."""

# How the identifiers of some types begin, for other calls check the form of those that they are given.
_BEGINNINGS = {
    "AWS::EC2::FlowLog": "fl-",
    "AWS::EC2::InternetGateway": "igw-",
    "AWS::EC2::NatGateway": "nat-",
    "AWS::EC2::RouteTable": "rtb-",
    "AWS::EC2::SecurityGroup": "sg-",
    "AWS::EC2::Subnet": "subnet-",
    "AWS::EC2::SubnetRouteTableAssociation": "rtbassoc-",
    "AWS::EC2::VPC": "vpc-",
    "AWS::EC2::VPCEndpoint": "vpce-",
}
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def kind_of(resource_type: str) -> Kind:
    """What is known of a type.

    Raises:
        ApiError: CloudFormation has no such type, or it asks for what is not served here.
    """
    found = KINDS.get(resource_type)
    if found is not None:
        return found
    if resource_type.startswith(("Custom::", "AWS::CloudFormation::")):
        raise refused(f"The embedded SageMaker does not make resources of the type {resource_type}.")
    if resource_type not in _types():
        raise refused(f"Template format error: Unrecognized resource types: [{resource_type}]")
    return _without_effect(resource_type)


@functools.cache
def _types() -> frozenset[str]:
    """All types of AWS's, as the schemas within cfn-lint name them; reading them takes a second."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    return frozenset(PROVIDER_SCHEMA_MANAGER.get_resource_types(REGION))


@functools.cache
def _without_effect(resource_type: str) -> Kind:
    """A type of which there is nothing but the stack's record, with identifiers of the usual form."""

    def create(_: object, wanted: Wanted) -> Made:
        generator = Random(f"{wanted.token} {resource_type}")  # noqa: S311 - no secret
        beginning = _BEGINNINGS.get(resource_type)
        if beginning is None:
            identifier = "".join(generator.choices(_ALPHABET, k=10))
        else:
            identifier = f"{beginning}{generator.getrandbits(68):017x}"
        _, service, noun = resource_type.split("::")[:3]
        path = _WORD.sub("-", noun).lower()
        arn = f"arn:aws:{service.lower()}:{REGION}:{ACCOUNT}:{path}/{identifier}"
        return Made(identifier, {"Arn": arn})

    return Kind(create, lambda *_: None, lambda *_: None)
