"""Compare a file with an object by the checksum that S3 keeps; dates need not tell the truth of a copied file."""

import base64
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PART_BYTES = 8 << 20
"""Of the parts of a large file, here as in boto3 and the AWS CLI."""

CHUNKS = 8
"""Of each part: as much of a file as is in memory at once."""

CHUNK_BYTES = PART_BYTES // CHUNKS


def same_content(head: Mapping[str, Any], path: Path) -> bool:
    """Whether an object holds what a file of the same size does.

    An object without a checksum that can be compared (of another algorithm, or of parts of another size) counts as
    different: it costs sending the file once more, and is certain.

    Args:
        head: S3's answer to HeadObject with ChecksumMode ENABLED.
        path: the file.
    """
    if "ChecksumSHA256" in head:
        return bool(head["ChecksumSHA256"] == sha256(path))
    kept, _, _ = head.get("ChecksumCRC32", "").partition("-")  # behind it is the number of parts
    return bool(kept) and kept in crc32s(path)


def sha256(path: Path) -> str:
    """SHA-256 of a file's content as S3 writes it, in base64."""
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()


def crc32s(path: Path) -> tuple[str, str]:
    """CRC-32s that S3 may keep of a file's content, in base64: that of the whole, and that of its parts' CRC-32s."""
    whole, part, parts = 0, 0, b""
    for number, chunk in enumerate(_chunks(path), start=1):
        whole, part = zlib.crc32(chunk, whole), zlib.crc32(chunk, part)
        if number % CHUNKS == 0:
            part, parts = 0, parts + part.to_bytes(4)
    if path.stat().st_size % PART_BYTES:
        parts += part.to_bytes(4)
    return _written(whole), _written(zlib.crc32(parts))


def _written(value: int) -> str:
    return base64.b64encode(value.to_bytes(4)).decode()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
