"""Buckets and image repositories."""

from __future__ import annotations

from pipelines.local.aws import ACCOUNT, REGION, Json
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.errors import ResourceError
from pipelines.local.stacks.kinds import Kind, Made, Wanted, changed

# Properties of a bucket whose form is that of the API, with the call and its argument.
_PLAIN = {
    "PublicAccessBlockConfiguration": ("PutPublicAccessBlock", "PublicAccessBlockConfiguration"),
    "VersioningConfiguration": ("PutBucketVersioning", "VersioningConfiguration"),
    "OwnershipControls": ("PutBucketOwnershipControls", "OwnershipControls"),
}
_UNDONE = {
    "BucketEncryption": "DeleteBucketEncryption",
    "LifecycleConfiguration": "DeleteBucketLifecycle",
    "PublicAccessBlockConfiguration": "DeletePublicAccessBlock",
    "OwnershipControls": "DeleteBucketOwnershipControls",
}
_WITHOUT_EFFECT = ("AccelerateConfiguration", "AccessControl", "BucketName", "LoggingConfiguration", "Tags")


def _create_bucket(calls: Calls, wanted: Wanted) -> Made:
    name = wanted.name
    calls("s3", "CreateBucket", Bucket=name)
    domain = f"{name}.s3.amazonaws.com"
    regional = f"{name}.s3.{REGION}.amazonaws.com"
    return Made(name, {"Arn": f"arn:aws:s3:::{name}", "DomainName": domain, "RegionalDomainName": regional})


def _settle_bucket(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    name = made.physical_id
    for property_name in changed(before, wanted.properties):
        value = wanted.get(property_name)
        if property_name in _WITHOUT_EFFECT:
            continue
        if value is None and property_name in _UNDONE:
            calls("s3", _UNDONE[property_name], Bucket=name)
        elif property_name in _PLAIN:
            operation, argument = _PLAIN[property_name]
            calls("s3", operation, Bucket=name, **{argument: value or {"Status": "Suspended"}})
        elif property_name == "BucketEncryption":
            calls("s3", "PutBucketEncryption", Bucket=name, ServerSideEncryptionConfiguration=_encryption(value))
        elif property_name == "LifecycleConfiguration":
            rules = [_lifecycle_rule(rule) for rule in value["Rules"]]
            calls("s3", "PutBucketLifecycleConfiguration", Bucket=name, LifecycleConfiguration={"Rules": rules})
        elif property_name == "NotificationConfiguration":
            _notify(calls, name, value or {})
        else:
            raise ResourceError(f"The embedded SageMaker does not know the property {property_name} of a bucket.")
    if wanted.tags:
        calls("s3", "PutBucketTagging", Bucket=name, Tagging={"TagSet": _outer_tags(wanted)})


def _outer_tags(wanted: Wanted) -> list[Json]:
    """Tags beginning with `aws:` are CloudFormation's own; S3 refuses them from everybody else."""
    return [tag for tag in wanted.tag_list if not tag["Key"].startswith("aws:")]


def _encryption(value: Json) -> Json:
    """CloudFormation's words for the default encryption, in those of the API."""
    names = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    rules = value["ServerSideEncryptionConfiguration"]
    return {"Rules": [{names.get(key, key): inner for key, inner in rule.items()} for rule in rules]}


def _lifecycle_rule(rule: Json) -> Json:
    """CloudFormation's words for a rule of the life cycle, in those of the API."""
    found: Json = {"Filter": {"Prefix": rule.get("Prefix", "")}}
    expiration: Json = {}
    for key, value in rule.items():
        match key:
            case "Id":
                found["ID"] = value
            case "Status" | "AbortIncompleteMultipartUpload" | "NoncurrentVersionExpiration":
                found[key] = value
            case "ExpirationInDays":
                expiration["Days"] = value
            case "ExpiredObjectDeleteMarker":
                expiration[key] = value
            case "NoncurrentVersionExpirationInDays":
                found["NoncurrentVersionExpiration"] = {"NoncurrentDays": value}
            case "Transitions":
                found[key] = [
                    {"Days": each["TransitionInDays"], "StorageClass": each["StorageClass"]} for each in value
                ]
            case "Prefix":
                pass
            case _:
                raise ResourceError(f"The embedded SageMaker does not know {key} of a rule of a bucket's life cycle.")
    return {**found, **({"Expiration": expiration} if expiration else {})}


def _notify(calls: Calls, bucket: str, value: Json) -> None:
    if set(value) - {"EventBridgeConfiguration"}:
        raise ResourceError("The embedded SageMaker sends notifications of buckets to EventBridge alone.")
    configuration: Json = {"EventBridgeConfiguration": {}} if value else {}
    calls("s3", "PutBucketNotificationConfiguration", Bucket=bucket, NotificationConfiguration=configuration)


def _settle_policy(calls: Calls, _made: Made, wanted: Wanted, _before: Json) -> None:
    calls("s3", "PutBucketPolicy", Bucket=wanted.get("Bucket"), Policy=wanted.get("PolicyDocument"))


def _create_repository(calls: Calls, wanted: Wanted) -> Made:
    given = wanted.some("EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability")
    made = calls("ecr", "CreateRepository", repositoryName=wanted.name, **given, tags=wanted.tag_list)["repository"]
    return Made(wanted.name, {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]})


def _settle_repository(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    name = made.physical_id
    lifecycle = wanted.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
    if lifecycle:
        calls("ecr", "PutLifecyclePolicy", repositoryName=name, lifecyclePolicyText=lifecycle)
    elif before.get("LifecyclePolicy"):
        calls.remove("ecr", "DeleteLifecyclePolicy", repositoryName=name)
    if wanted.get("RepositoryPolicyText"):
        calls("ecr", "SetRepositoryPolicy", repositoryName=name, policyText=wanted.get("RepositoryPolicyText"))
    elif before.get("RepositoryPolicyText"):
        calls.remove("ecr", "DeleteRepositoryPolicy", repositoryName=name)
    if before and before.get("ImageScanningConfiguration") != wanted.get("ImageScanningConfiguration"):
        scanning = wanted.get("ImageScanningConfiguration", {})
        calls("ecr", "PutImageScanningConfiguration", repositoryName=name, imageScanningConfiguration=scanning)
    if before and before.get("ImageTagMutability") != wanted.get("ImageTagMutability"):
        mutability = wanted.get("ImageTagMutability", "MUTABLE")
        calls("ecr", "PutImageTagMutability", repositoryName=name, imageTagMutability=mutability)


def _delete_repository(calls: Calls, made: Made, properties: Json) -> None:
    force = properties.get("EmptyOnDelete", False)
    calls.remove("ecr", "DeleteRepository", registryId=ACCOUNT, repositoryName=made.physical_id, force=force)


KINDS = {
    "AWS::S3::Bucket": Kind(
        _create_bucket,
        lambda calls, made, _: calls.remove("s3", "DeleteBucket", Bucket=made.physical_id),
        _settle_bucket,
        named="BucketName",
        longest_name=63,
        lower_case=True,
    ),
    "AWS::S3::BucketPolicy": Kind(
        lambda _, wanted: Made(str(wanted.get("Bucket"))),
        lambda calls, made, _: calls.remove("s3", "DeleteBucketPolicy", Bucket=made.physical_id),
        _settle_policy,
        fixed=frozenset({"Bucket"}),
    ),
    "AWS::ECR::Repository": Kind(
        _create_repository,
        _delete_repository,
        _settle_repository,
        fixed=frozenset({"EncryptionConfiguration"}),
        named="RepositoryName",
        longest_name=256,
        lower_case=True,
    ),
}
