"""List a bucket or a folder whatever the names in it are; the library that reads objects gives up at some of them."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def list_bucket(client: "S3Client", bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield key and size in bytes of each object of `bucket` whose key begins with `prefix`.

    The empty objects `folder/` that consoles make to show a folder are left out.

    Raises:
        ClientError: S3 refuses.
        BotoCoreError: S3 does not answer.
    """
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            if entry["Size"] or not entry["Key"].endswith("/"):
                yield entry["Key"], entry["Size"]


def list_folder(folder: str) -> Iterator[tuple[str, int]]:
    """Yield path, relative to `folder`, and size in bytes of each file at any depth; none where there is no folder.

    Links are followed, but not to a folder that they lie in.

    Raises:
        OSError: a folder may not be read.
    """
    for parent, folders, files in os.walk(folder, onerror=_unless_absent, followlinks=True):
        folders[:] = [name for name in folders if not _leads_up(parent, name)]
        for name in files:
            path = os.path.join(parent, name)  # noqa: PTH118 - a Path for each of a million names takes seconds
            if os.path.isfile(path):  # noqa: PTH113
                yield os.path.relpath(path, folder), os.path.getsize(path)  # noqa: PTH202


def unreadable_name(path: str) -> str | None:
    """Why the object at `path`, below a bucket or the root folder, cannot be read for its name; None if it can.

    The rules are those of the `Path` of the Rust library object_store, which would otherwise read another object: it
    drops slashes at both ends.
    """
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in path):
        return "its name is not UTF-8"
    if control := [letter for letter in path if letter < " " or letter == "\x7f"]:
        return f"its name has a control character, {control[0]!r}"
    parts = path.split("/")
    if "" in parts:
        return "its name begins or ends with a slash, or has two together"
    if dots := [part for part in parts if part in (".", "..")]:
        return f"its name has a part {dots[0]!r}"
    return None


def _unless_absent(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _leads_up(parent: str, name: str) -> bool:
    path = os.path.join(parent, name)  # noqa: PTH118
    real_parent, real = os.path.realpath(parent), os.path.realpath(path)
    return os.path.islink(path) and os.path.commonpath([real_parent, real]) == real  # noqa: PTH114
