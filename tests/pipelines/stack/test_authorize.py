"""The function that lets requests with the API's key pass."""

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.target import Target

KEY = "k" * 40


@pytest.fixture(scope="module")
def function(target: Target, stack_function: Callable[..., str]) -> str:
    secret = target.client("secretsmanager").create_secret(Name="bins-key", SecretString=KEY)
    return stack_function("authorize", "bins-authorize", AUTHORIZE_SECRET=secret["ARN"])


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"x-api-key": KEY}, True),
        ({"x-api-key": KEY[:-1]}, False),
        ({"x-api-key": ""}, False),
        ({"x-api-key": "schlüssel"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_request_passes_with_the_key_and_no_other(
    function: str, call_function: Callable[..., dict[str, Any]], headers: dict[str, str] | None, passes: bool
) -> None:
    assert call_function(function, {"version": "2.0", "headers": headers}) == {"isAuthorized": passes}


def test_a_key_that_cannot_be_read_is_an_error_so_that_nobody_passes(
    stack_function: Callable[..., str], call_function: Callable[..., dict[str, Any]]
) -> None:
    name = stack_function("authorize", "lost-authorize", AUTHORIZE_SECRET="no-such-secret")
    assert call_function(name, {"headers": {"x-api-key": KEY}})["errorType"] == "ResourceNotFoundException"
