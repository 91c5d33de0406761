"""The policies of who deploys hold what CloudFormation calls in their name, as the schemas of its types list it."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest
from cfnlint.decode.cfn_yaml import loads
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from pipelines.policies.placing import FOLDER
from pipelines.stack.template import template_body

CORE = ("deployer", "deployer-functions")
OPTIONS = (*CORE, "deployer-options")
ASKED_FOR = {"WithApi", "WithBudget", "WithKeyApi", "WithVpc"}
"""Conditions of what is made where a preset asks for it."""

# Of types whose handlers can do more than the template says: what they never come to, by the reason.
UNUSED = {
    "roles carry policies of their own, none by reference and no boundary": {
        "iam:AttachRolePolicy",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
    },
    "the key is always enabled": {"kms:DisableKey", "kms:EnableKey"},
    "nothing but the bucket is encrypted by the key, and that happens in S3's name": {
        "kms:CreateGrant",
        "kms:Encrypt",
        "kms:RetireGrant",
        "logs:*ssociateKmsKey",
    },
    "repositories have no policy, and tags move": {"ecr:*RepositoryPolicy", "ecr:PutImageTagMutability"},
    "functions have one version of code, no layer, file system, network, signature or concurrency of their own": {
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "elasticfilesystem:DescribeMountTargets",
        "lambda:*CodeSigningConfig",
        "lambda:*FunctionConcurrency",
        "lambda:AssociateRuntimeAlias",
        "lambda:GetLayerVersion",
        "lambda:PassCapacityProvider",
        "lambda:PublishVersion",
        "lambda:PutFunctionRecursionConfig",
        "lambda:PutFunctionScalingConfig",
        "lambda:PutRuntimeManagementConfig",
        "s3:GetObjectVersion",
        "s3files:ListMountTargets",
    },
    "log groups have a retention and no more": {
        "firehose:TagDeliveryStream",
        "logs:*IndexPolicy",
        "logs:*ResourcePolicy",
        "logs:CreateLogDelivery",
        "logs:DeleteDataProtectionPolicy",
        "logs:PutBearerTokenAuthentication",
        "logs:PutDataProtectionPolicy",
        "logs:PutLogGroupDeletionProtection",
        "s3:REST.PUT.OBJECT",
    },
    "what the bucket has is encryption, rules of age, one owner, no public access, versions, policy and tags": {
        "s3:*Abac",
        "s3:*AccelerateConfiguration",
        "s3:*AnalyticsConfiguration",
        "s3:*BucketCORS",
        "s3:*BucketCors",
        "s3:*BucketLogging",
        "s3:*BucketNotification",
        "s3:*BucketWebsite",
        "s3:*IntelligentTieringConfiguration",
        "s3:*InventoryConfiguration",
        "s3:*Metadata*TableConfiguration",
        "s3:*MetricsConfiguration",
        "s3:*ObjectLockConfiguration",
        "s3:*Replication*",
        "s3:GetBucketAcl",
        "s3:PutBucketAcl",
        "s3:PutObjectAcl",
        "s3tables:*",
    },
    "encryption and rules of age are changed, never taken away": {
        "s3:DeleteBucketEncryption",
        "s3:DeleteBucketLifecycle",
    },
    "nobody else may use the model group": {"sagemaker:PutModelPackageGroupPolicy"},
    "messages are not masked": {"sns:PutDataProtectionPolicy"},
    "the key of the HTTP API lies in one region": {
        "secretsmanager:RemoveRegionsFromReplication",
        "secretsmanager:ReplicateSecretToRegions",
    },
    "network: plain subnets of IPv4 with one table of routes, and services of AWS in the same region": {
        "ec2:*SubnetCidrBlock",
        "ec2:CreateVpcEncryptionControl",
        "ec2:ModifySubnetAttribute",
        "ec2:ModifyVpcTenancy",
        "ec2:ReplaceRouteTableAssociation",
        "vpc-lattice:*",
        "vpce:AllowMultiRegion",
    },
}


@pytest.fixture(scope="module")
def missing() -> set[tuple[str, str]]:
    """Types of the template's resources, and what their handlers may call that is not allowed."""
    return set(_missing())


def _missing() -> Iterator[tuple[str, str]]:
    core, everything = _actions(*CORE), _actions(*OPTIONS)
    for resource in loads(template_body())["Resources"].values():
        allowed = everything if resource.get("Condition") in ASKED_FOR else core
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource["Type"]).schema
        for kind in ("create", "read", "update", "delete"):
            for action in schema["handlers"].get(kind, {}).get("permissions", []):
                if action.lower() not in allowed:
                    yield resource["Type"], action


def _actions(*names: str) -> set[str]:
    documents = [json.loads((FOLDER / f"{name}.json").read_text()) for name in names]
    return {action.lower() for each in documents for statement in each["Statement"] for action in statement["Action"]}


def test_what_the_handlers_of_cloudformation_call_is_allowed_or_explained(missing: set[tuple[str, str]]) -> None:
    explained = {pattern for patterns in UNUSED.values() for pattern in patterns}
    assert {each for each in missing if not any(fnmatchcase(each[1], pattern) for pattern in explained)} == set()


def test_nothing_is_explained_that_is_allowed_or_that_no_handler_calls(missing: set[tuple[str, str]]) -> None:
    explained = {pattern for patterns in UNUSED.values() for pattern in patterns}
    assert {each for each in explained if not any(fnmatchcase(action, each) for _, action in missing)} == set()
