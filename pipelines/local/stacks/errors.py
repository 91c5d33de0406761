"""The errors of CloudFormation's calls."""

from __future__ import annotations

from botocore.exceptions import ClientError

from pipelines.local.aws import ApiError

# In the codes of the services, whose spellings differ: NoSuchEntity, ResourceNotFound, NonExistentQueue, ...
_MISSING = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "NotExist")


class ResourceError(Exception):
    """A resource cannot be as the template wants it; the message is the reason that a stack's events show."""


def refused(message: str) -> ApiError:
    """The error of a call or a template that is wrong in itself."""
    return ApiError("ValidationError", message)


def is_missing(error: ClientError) -> bool:
    """Whether a service says that what a call names does not exist."""
    refusal = error.response["Error"]
    code, message = refusal.get("Code", ""), refusal.get("Message", "")
    return any(word in code for word in _MISSING) or "does not exist" in message or "Could not find" in message
