"""The buckets: ours, and those that photos and weights come from."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError

from pipelines.config import Config
from pipelines.doctor.finding import Finding, ok, to_do
from pipelines.surroundings import remedy
from pipelines.target import CLIENT_SETTINGS, Target

MISSING = {"404", "NoSuchBucket"}
DENIED = {"403", "AccessDenied"}


def check_bucket(target: Target, config: Config) -> Iterator[Finding]:
    """The pipeline's bucket: it exists, is this account's, lies in this region, is private and encrypted."""
    bucket = config.bucket
    try:
        head = target.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=target.account)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in MISSING:
            yield to_do("bucket", f"{bucket} does not exist: {remedy(target, config.name, bucket)}")
        elif code in DENIED:
            yield to_do(
                "bucket",
                f"{bucket} belongs to another account, or these credentials may not list it: name another in the "
                "preset's field `bucket`, or have an administrator allow s3:ListBucket on it",
            )
        else:
            yield to_do("bucket", f"{bucket} cannot be looked at ({code}): its region may not be {target.region}")
        return
    wrong = list(_faults(target, bucket, head))
    for fault in wrong:
        yield to_do("bucket", f"{bucket} {fault}")
    if not wrong:
        yield ok("bucket", f"{bucket} is this account's, private and encrypted")


def _faults(target: Target, bucket: str, head: Any) -> Iterator[str]:
    region = head.get("BucketRegion", target.region)
    if region != target.region:
        yield f"lies in {region}: jobs read it from {target.region} slowly and for money, so name another"
    try:
        access: Any = target.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        access = {}
    if not (access and all(access.values())):
        yield "can be opened to the public: block that under Permissions, or by `make deploy-stack`"
    try:
        target.s3.get_bucket_encryption(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        yield "is not encrypted by default: set that under Properties, or by `make deploy-stack`"


def check_source(target: Target, config: Config) -> Iterator[Finding]:
    """What the pipeline reads: the photos' place, the file list, the initial weights. These credentials can list it."""
    for about, uri in (
        ("source", config.catalog.source),
        ("file list", config.catalog.file_list),
        ("weights", config.initial_weights),
    ):
        if uri.startswith("s3://"):
            yield _listable(target, about, uri)


def _listable(target: Target, about: str, uri: str) -> Finding:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        found = _list_one(target.s3, bucket, key)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in DENIED:
            return to_do(about, f"{uri} may not be listed: have its owner allow s3:ListBucket and s3:GetObject on it")
        return to_do(about, f"{uri} cannot be read ({code}): name another in the preset, or put it there")
    return ok(about, f"{uri} can be read") if found else to_do(about, f"nothing lies at {uri}: put it there")


def _list_one(s3: Any, bucket: str, key: str) -> bool:
    try:
        return _holds_any(s3, bucket, key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
    # A public bucket refuses credentials whose own policies do not name it; the steps read such a bucket without any.
    session: Any = boto3.Session()
    unsigned = CLIENT_SETTINGS.merge(ClientConfig(signature_version=UNSIGNED))
    return _holds_any(session.client("s3", region_name=s3.meta.region_name, config=unsigned), bucket, key)


def _holds_any(s3: Any, bucket: str, key: str) -> bool:
    return bool(s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)["KeyCount"])
