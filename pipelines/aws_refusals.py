"""What AWS means when it refuses a call: a rule for each kind of refusal, with what to do about it.

The wordings are those of AWS's services; where one is not known, its own words are passed on.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from pipelines.text import shortened

CREDENTIALS_HELP = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
    "to try it without an account, run `make local` and copy the exports it prints"
)
REGION_HELP = "set AWS_DEFAULT_REGION, for example to us-east-1"
LONGEST_MESSAGE = 700  # characters; lists of allowed values fill pages

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
UNKNOWN_KEY = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "AuthFailure",
    "InvalidToken",
}
WRONG_SIGNATURE = {"SignatureDoesNotMatch", "InvalidSignatureException"}
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
OTHER_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
ABOUT_CREDENTIALS = EXPIRED | UNKNOWN_KEY | WRONG_SIGNATURE | DENIED
NOT_ENABLED = {"OptInRequired", "SubscriptionRequiredException", "RegionDisabledException"}
OWN_FAULT = {
    "InternalFailure",
    "InternalError",
    "InternalServerError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
}

_SKEWED = re.compile(r"Signature (?:expired|not yet current)|time too skewed", re.IGNORECASE)
_NOT_AUTHORISED = re.compile(
    r"(?:User: )?(?P<who>arn:\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: \"?(?P<resource>[^\s\"]+)\"?)?(?: (?P<why>because .*?|with an explicit deny.*?))?\.?$"
)
_ROLE = re.compile(r"\bassumed? .*?(?P<role>arn:[\w-]+:iam::\d*:role/[\w+=,.@/-]*[\w+=@/-])", re.IGNORECASE)
_ROLE_FIRST = re.compile(r"(?P<role>arn:[\w-]+:iam::\d*:role/\S+).*cannot be assumed", re.IGNORECASE)
_QUOTA = re.compile(
    r"service limit '(?P<quota>[^']+)' is (?P<limit>\d+) \w+, with current utilization of (?P<used>\d+) \w+ "
    r"and a request delta of (?P<wanted>\d+)"
)
_NO_SUCH_VALUE = re.compile(
    r"Value '(?P<value>[^']*)' at '(?P<field>[^']+)' failed to satisfy constraint: "
    r"Member must satisfy enum value set: \[(?P<allowed>[^\]]*)"
)
_NOT_HERE = re.compile(r"The requested resource (?P<resource>[\w-]+/\S+) is not available in this (?:region|account)")


@dataclass(frozen=True)
class Refusal:
    """What AWS answered.

    Attributes:
        code: AWS's, such as `AccessDenied`.
        message: AWS's own words, in one line.
        operation: what was asked for, such as `CreatePipeline`; empty where that is not known.
    """

    code: str
    message: str
    operation: str = ""


def explain_refusal(refusal: Refusal) -> str:
    """One sentence: what was refused, and what to do about it."""
    for rule in (*BY_WORDS, *BY_CODE):
        if sentence := rule(refusal):
            return sentence
    return f"{refusal.operation} was refused ({refusal.code}): {shortened(refusal.message, LONGEST_MESSAGE)}"


def advice_on(reason: str) -> str:
    """What to do about the reason of a step that AWS refused to start; empty where nothing more is known."""
    refusal = Refusal("", reason)
    return next((sentence for rule in BY_WORDS if (sentence := rule(refusal))), "")


def _quota(refusal: Refusal) -> str:
    if found := _QUOTA.search(refusal.message):
        needed = int(found["used"]) + int(found["wanted"])
        return (
            f"the quota '{found['quota']}' is {found['limit']}, and {found['used']} are in use: request at least "
            f"{needed} for Amazon SageMaker in Service Quotas of this region, or name another instance type"
        )
    return ""


def _no_such_value(refusal: Refusal) -> str:
    if not (found := _NO_SUCH_VALUE.search(refusal.message)):
        return ""
    allowed = [each.strip() for each in found["allowed"].split(",")]
    near = get_close_matches(found["value"], allowed, n=3, cutoff=0.5)
    what = "instance type" if found["field"].lower().endswith("instancetype") else found["field"]
    return f"SageMaker has no {what} {found['value']!r}: the nearest are {', '.join(near or sorted(allowed)[:5])}"


def _not_here(refusal: Refusal) -> str:
    if found := _NOT_HERE.search(refusal.message):
        return (
            f"{found['resource']} is not offered in this region: name another instance type, or work in another region"
        )
    return ""


def _role(refusal: Refusal) -> str:
    if found := _ROLE.search(refusal.message) or _ROLE_FIRST.search(refusal.message):
        return (
            f"AWS cannot take the role {found['role'].rstrip('.')}: it does not exist, or does not trust the "
            "service that needs it; `make doctor` tells which"
        )
    return ""


def _denied(refusal: Refusal) -> str:
    if found := _NOT_AUTHORISED.search(refusal.message):
        where = f" on {found['resource']}" if found["resource"] else ""
        why = f" ({found['why']})" if found["why"] else ""
        return (
            f"{found['who']} may not do {found['action']}{where}{why}: have an administrator allow it, "
            "or use credentials that may"
        )
    return ""


def _denied_without_words(refusal: Refusal) -> str:
    if refusal.code in DENIED:
        return (
            f"{refusal.operation} was denied ({refusal.message or refusal.code}): have an administrator allow it to "
            "these credentials, and check that the names belong to this account"
        )
    return ""


def _clock(refusal: Refusal) -> str:
    if refusal.code == "RequestTimeTooSkewed" or _SKEWED.search(refusal.message):
        return (
            "this machine's clock differs from AWS's by more than AWS allows: set it by network time, "
            "for example with `timedatectl set-ntp true`"
        )
    return ""


def _credentials(refusal: Refusal) -> str:
    if refusal.code in EXPIRED:
        return f"these credentials have expired ({refusal.code}): log in again, for example with `aws sso login`"
    if refusal.code in WRONG_SIGNATURE:
        return f"the secret access key is not that of the access key ({refusal.code}): {CREDENTIALS_HELP}"
    if refusal.code in UNKNOWN_KEY:
        return (
            f"AWS does not accept these credentials ({refusal.code}), or the account has not enabled this region: "
            f"{CREDENTIALS_HELP}"
        )
    if refusal.code in NOT_ENABLED:
        return (
            f"the account has not enabled this service or region ({refusal.message}): enable it, or use another region"
        )
    return ""


def _bucket(refusal: Refusal) -> str:
    if refusal.code == "BucketAlreadyExists":
        return "a bucket of that name is somebody else's: name another in the preset's field `bucket`"
    if refusal.code in OTHER_REGION:
        return f"the bucket lies in another region ({refusal.message}): {REGION_HELP.partition(',')[0]} to the bucket's"
    if refusal.code == "NoSuchBucket":
        return f"{refusal.operation}: the bucket does not exist; `make doctor` tells which buckets are needed"
    return ""


def _throttled(refusal: Refusal) -> str:
    if refusal.code in THROTTLED:
        return f"AWS throttles {refusal.operation} of this account ({refusal.code}): wait a minute, then run it again"
    return ""


def _own_fault(refusal: Refusal) -> str:
    if refusal.code in OWN_FAULT or re.fullmatch(r"5\d\d", refusal.code):
        told = f": {refusal.message}" if refusal.message else ""
        return f"AWS itself failed at {refusal.operation} ({refusal.code}{told}): run it again in some minutes"
    return ""


Rule = Callable[[Refusal], str]
BY_WORDS: tuple[Rule, ...] = (_quota, _no_such_value, _not_here, _denied, _role)
BY_CODE: tuple[Rule, ...] = (_clock, _credentials, _bucket, _throttled, _denied_without_words, _own_fault)
