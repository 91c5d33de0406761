"""What the calls that change a stack have in common: a template, parameters, tags, and consent to make roles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from pipelines.local.aws import ApiError, Json
from pipelines.local.connection import Connection
from pipelines.local.stacks import changes
from pipelines.local.stacks.catalog import kind_of
from pipelines.local.stacks.errors import refused
from pipelines.local.stacks.parameters import values
from pipelines.local.stacks.record import StackRecord, Stacks
from pipelines.local.stacks.template import Template, read

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_LONGEST_BODY = 51_200  # bytes; CloudFormation's quota of a template within a call
_LONGEST_FILE = 1_048_576  # bytes; its quota of a template in S3
_VIRTUAL_HOST = re.compile(r"(?P<bucket>[a-z0-9.-]+)\.s3[.-][a-z0-9.-]*amazonaws\.com")
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_NAMED_IAM = {"RoleName", "ManagedPolicyName", "PolicyName", "UserName", "GroupName", "InstanceProfileName"}


@dataclass(frozen=True)
class Proposal:
    """A template with the values of its parameters.

    Attributes:
        template: checked.
        parameters: checked.
    """

    template: Template
    parameters: dict[str, str]


def check_name(name: str) -> None:
    """Check a stack's name.

    Raises:
        ApiError: it cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise refused(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )


def template_text(request: Json, connection: Connection, before: str = "") -> str:
    """The text of the template that a call brings, names in S3, or leaves as it was.

    Raises:
        ApiError: there is none, or it is too long.
    """
    if "TemplateBody" in request:
        text: str = request["TemplateBody"]
        if len(text.encode()) > _LONGEST_BODY:
            raise refused(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have "
                f"length less than or equal to {_LONGEST_BODY}"
            )
        return text
    if "TemplateURL" in request:
        return _fetched(request["TemplateURL"], connection)
    if request.get("UsePreviousTemplate") and before:
        return before
    raise refused("Either Template URL or Template Body must be specified.")


def proposal(request: Json, text: str, stack: StackRecord | None = None) -> Proposal:
    """What a call proposes for a stack, checked as far as it can be before anything is made.

    Raises:
        ApiError: the template or a parameter is wrong, or roles would be made without consent.
    """
    template = read(text)
    before = stack.parameters if stack else {}
    parameters = values(template.parameters, request.get("Parameters", []), before)
    for resource in template.resources.values():
        kind_of(resource["Type"])
    _check_capabilities(template, request.get("Capabilities", []))
    return Proposal(template, parameters)


def tags(request: Json) -> dict[str, str]:
    """The tags of a call."""
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}


def updatable(stacks: Stacks, name: str) -> StackRecord:
    """The stack of a name or an ID, which has come to rest and holds what its template says.

    Raises:
        ApiError: there is none such.
    """
    stack = stacks.find(name)
    if stack is None or stack.deleted is not None:
        raise refused(f"Stack [{name}] does not exist")
    if stack.status not in _UPDATABLE:
        raise refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
    return stack


def same(found: Proposal, stack: StackRecord, tags: dict[str, str]) -> bool:
    """Whether nothing of a stack would change, not even what resources do not show."""
    if not stack.template:
        return False
    before, after = read(stack.template), found.template
    return (before.resources, before.outputs, stack.parameters, stack.tags) == (
        after.resources,
        after.outputs,
        found.parameters,
        tags,
    )


def check_evaluation(found: Proposal, stack: StackRecord, stacks: Stacks) -> None:
    """Evaluate a template for a stack without making anything.

    Raises:
        ApiError: an expression is wrong.
    """
    changes.preview(found.template, stack, found.parameters, stacks)


def _check_capabilities(template: Template, granted: list[str]) -> None:
    identities = [each for each in template.resources.values() if each["Type"].startswith("AWS::IAM::")]
    named = any(_NAMED_IAM & set(each.get("Properties", {})) for each in identities if "Policy" not in each["Type"])
    if named and "CAPABILITY_NAMED_IAM" not in granted:
        raise ApiError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
    if identities and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(granted):
        raise ApiError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")


def _fetched(url: str, connection: Connection) -> str:
    """A template in S3."""
    parts = urlsplit(url)
    hosted = _VIRTUAL_HOST.fullmatch(parts.netloc)
    path = unquote(parts.path).lstrip("/")
    bucket, key = (hosted["bucket"], path) if hosted else (path.partition("/")[0], path.partition("/")[2])
    try:
        answer = connection.s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise refused(f"S3 error: {error.response['Error'].get('Message')} For {url}") from error
    if answer["ContentLength"] > _LONGEST_FILE:
        raise refused(f"Template may not exceed {_LONGEST_FILE} bytes in size.")
    return answer["Body"].read().decode(errors="replace")
