"""What the function is told by its environment variables; checked with the standard library, all that it has."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

PREFIX = "DEPLOY_"
SETTINGS = "DEPLOY_SETTINGS"
"""Variable that holds the values of several fields as JSON; a field's own variable goes before it."""

_CHOICES = {"hosting": ("serverless", "instance"), "traffic": ("canary", "linear", "all_at_once")}
_PATTERNS = {
    "endpoint": r"[a-z0-9](-*[a-z0-9]){0,39}",
    "group": r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    "model_role": r"arn:[a-z-]+:iam::\d{12}:role/.+",
    "capture_uri": r"s3://[^/]+/.+",
}


class WishesError(Exception):
    """An environment variable is missing, or has a value that is not allowed."""


@dataclass(frozen=True)
class Wishes:
    """How approved models should answer. The variable of a field such as `group` is DEPLOY_GROUP.

    Attributes:
        group: the model package group whose approved packages are deployed.
        model_role: ARN of the role that models take.
        capture_uri: S3 folder for captured requests.

    The others are those of `steps.deploy.settings.DeploySettings`.
    """

    group: str
    model_role: str
    capture_uri: str
    endpoint: str
    hosting: str
    memory_mb: int
    concurrency: int
    instance_type: str
    minimum_instances: int
    maximum_instances: int
    requests_per_instance: int
    traffic: str
    traffic_percent: int
    bake_seconds: int
    most_errors: int
    most_latency_milliseconds: int
    capture_percent: int
    kms_key: str

    @property
    def serverless(self) -> bool:
        """Whether SageMaker starts instances only when somebody asks."""
        return self.hosting == "serverless"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables that begin with DEPLOY_.

        Raises:
            WishesError: one is missing, or has a value that is not allowed.
        """
        known = {**_settings(environment.get(SETTINGS, "{}")), **environment}
        values: dict[str, Any] = {each.name: _read(each.name, each.type is int, known) for each in fields(cls)}
        return cls(**values)

    def to_environment(self) -> dict[str, str]:
        """The variables that `from_environment` reads."""
        return {_variable(field.name): str(getattr(self, field.name)) for field in fields(self)}


def _settings(text: str) -> dict[str, str]:
    """The variables that a JSON object of fields stands for."""
    try:
        told = json.loads(text)
        return {_variable(name): str(value) for name, value in told.items()}
    except (ValueError, AttributeError):
        raise WishesError(f"{SETTINGS} is no JSON object") from None


def _read(name: str, is_number: bool, environment: Mapping[str, str]) -> str | int:
    variable = _variable(name)
    if variable not in environment:
        raise WishesError(f"the environment variable {variable} is missing")
    value = environment[variable]
    if is_number:
        if not re.fullmatch(r"\d{1,9}", value):
            raise WishesError(f"{variable} is {value!r}, which is no whole number")
        return int(value)
    if name in _CHOICES and value not in _CHOICES[name]:
        raise WishesError(f"{variable} is {value!r}, not one of {', '.join(_CHOICES[name])}")
    if name in _PATTERNS and not re.fullmatch(_PATTERNS[name], value):
        raise WishesError(f"{variable} is {value!r}, which cannot be right")
    return value


def _variable(name: str) -> str:
    return PREFIX + name.upper()
