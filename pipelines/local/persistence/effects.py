"""What a kept call does to objects and functions, as far as that decides which calls may be forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What happens to the keys."""

    OTHER = "other"  # nothing but reading the sources
    UNKNOWN = "unknown"  # nobody here can tell: it may read and write whatever there is
    VERSIONING = "versioning"  # the bucket may hold several versions of a key
    WRITE = "write"  # the whole object, whatever was there
    CHANGE = "change"  # something about the object
    DELETE = "delete"
    PART = "part"  # of a multipart upload, or its beginning
    ABORT = "abort"  # of a multipart upload


@dataclass(frozen=True)
class Effect:
    """The effect of one call.

    Attributes:
        kind: what happens.
        keys: `bucket/key` of each object it happens to; of VERSIONING the bucket. Functions have keys of their own,
            which no object can have.
        sources: the key of each object that is read for it.
        upload: the identifier of the multipart upload, if it is one.
    """

    kind: Kind
    keys: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    upload: str = ""
