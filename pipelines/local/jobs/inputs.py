"""Fetches what a job reads from S3, for every kind of job in the same way."""

from __future__ import annotations

from pathlib import Path

from pipelines.local.aws import Json
from pipelines.local.s3 import Listed, Shard, Storage


def listing(storage: Storage, source: Json) -> list[Listed]:
    """The objects of an S3 data source: those under a prefix, or those that a manifest names.

    Args:
        storage: lists them.
        source: `{"S3DataType", "S3Uri"}`.

    Raises:
        TransferError: nothing is there, or the manifest is none.
    """
    if source["S3DataType"] == "ManifestFile":
        return storage.listed_in_manifest(source["S3Uri"])
    return storage.listed(source["S3Uri"])


def fetch(storage: Storage, source: Json, folder: Path, shard: Shard) -> None:
    """Fetch the objects of an S3 data source, or one host's part of them where it says `ShardedByS3Key`.

    Raises:
        TransferError: nothing is there, or an object could not be fetched.
    """
    objects = listing(storage, source)
    sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
    storage.download(shard.of(objects) if sharded else objects, folder)
