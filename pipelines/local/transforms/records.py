"""Cuts an object into records and records into requests: SplitType and BatchStrategy."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedIOBase

from pipelines.local.aws import shorten


class RecordError(Exception):
    """An object cannot be transformed; the message says why, in AWS's form."""


def read_records(file: BufferedIOBase, *, lines: bool, largest_bytes: int) -> Iterator[bytes]:
    """The records of an object: its lines, without their ends, or all of it.

    Raises:
        RecordError: a record is longer than a request may be.
    """
    if not lines:
        yield _fitting(file.read(largest_bytes + 1), largest_bytes)
        return
    while line := file.readline(largest_bytes + 2):
        yield _fitting(line.removesuffix(b"\n"), largest_bytes)


def batches(records: Iterator[bytes], *, several: bool, largest_bytes: int) -> Iterator[list[bytes]]:
    """Group records into requests: one each, or as many as fit with a line end between them."""
    batch: list[bytes] = []
    size = 0
    for record in records:
        if batch and (not several or size + 1 + len(record) > largest_bytes):
            yield batch
            batch, size = [], 0
        size += len(record) + (1 if batch else 0)
        batch.append(record)
    if batch:
        yield batch


def _fitting(record: bytes, largest_bytes: int) -> bytes:
    if len(record) > largest_bytes:
        beginning = shorten(record[:80].decode(errors="replace"), 40)
        raise RecordError(
            f"ClientError: a record is larger than MaxPayloadInMB, {largest_bytes // 1024**2} MB; "
            f"it begins with '{beginning}'"
        )
    return record
