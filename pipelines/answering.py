"""Whether it is AWS, or what speaks like it, that AWS_ENDPOINT_URL points at."""

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from pipelines.errors import PipelineError

VARIABLE = "AWS_ENDPOINT_URL"
"""Also what the variables of single services begin with."""

EXAMPLE = "http://127.0.0.1:4599"
_ACCOUNT = re.compile(r"\d{12}")


def check_endpoint_urls(environment: Mapping[str, str] = os.environ) -> None:
    """Check the addresses that the environment has in the place of AWS's own.

    Raises:
        PipelineError: one is no address of a server that speaks HTTP.
    """
    for name, url in sorted(environment.items()):
        if name.startswith(VARIABLE) and url:
            _check(name, url)


def _check(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:  # Python's own words for a port or a host that is none
        raise PipelineError(f"{name}={url}: {error}; it must look like {EXAMPLE}") from None
    if port == 0 or not parts.hostname:
        raise PipelineError(f"{name}={url}: {name} must look like {EXAMPLE}")
    if parts.scheme not in ("http", "https"):
        raise PipelineError(f"{name}={url}: only http:// and https:// are spoken, such as {EXAMPLE}")


def ask_for_account(sts: Any) -> str:
    """The account that the credentials belong to, twelve digits.

    Raises:
        PipelineError: what answers is not AWS, nor speaks like it.
        ClientError: AWS refuses.
        BotoCoreError: nothing answers.
    """
    try:
        account = sts.get_caller_identity().get("Account", "")
    except (ResponseParserError, KeyError):  # KeyError is botocore's at XML of another kind
        account = ""
    except ClientError as error:
        if error.response.get("Error", {}).get("Code"):
            raise
        account = ""  # AWS gives each refusal a code; a page of another web server has none
    if not _ACCOUNT.fullmatch(account):
        raise PipelineError(f"what answers at {sts.meta.endpoint_url} is not AWS: check {VARIABLE}")
    return str(account)
