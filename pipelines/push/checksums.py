"""Compare a file with an object by the checksum that S3 keeps; dates need not tell the truth of a copied file."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20


def crc32(path: Path) -> str:
    """CRC-32 of a file's content as S3 writes it, in base64."""
    value = 0
    for chunk in _chunks(path):
        value = zlib.crc32(chunk, value)
    return base64.b64encode(value.to_bytes(4)).decode()


def sha256(path: Path) -> str:
    """SHA-256 of a file's content as S3 writes it, in base64."""
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()


KNOWN: Mapping[str, Callable[[Path], str]] = {"ChecksumSHA256": sha256, "ChecksumCRC32": crc32}
"""How to compute what HeadObject answers under these names: what this command and boto3 write."""


def same_content(head: Mapping[str, Any], path: Path) -> bool:
    """Whether an object holds what a file of the same size does.

    An object without a checksum that can be compared (of another algorithm, or of parts whose sizes are not known)
    counts as different: it costs sending the file once more, and is certain.

    Args:
        head: S3's answer to HeadObject with ChecksumMode ENABLED.
        path: the file.
    """
    if head.get("ChecksumType") == "COMPOSITE":
        return False
    name = next((name for name in KNOWN if name in head), None)
    return name is not None and head[name] == KNOWN[name](path)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
