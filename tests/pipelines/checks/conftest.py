"""Definitions that keep every rule, to be damaged."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.audit.definition import audit_config
from pipelines.audit.definition import compile_definition as compile_audit
from pipelines.checks.check import check
from pipelines.checks.rule import Finding
from pipelines.checks.settings import ChecksConfig
from pipelines.config import Config, load_preset
from pipelines.definition import compile_definition

REGION = "eu-west-1"


@pytest.fixture(scope="session")
def configs() -> dict[str, Config]:
    """The demo's pipeline and its audit, with no rule switched off."""
    placed = load_preset("demo").placed("111122223333", REGION)
    demo = placed.model_copy(update={"bucket": "some-bucket", "checks": ChecksConfig()})
    return {"demo": demo, "audit": audit_config(demo)}


@pytest.fixture(scope="session")
def sound(configs: dict[str, Config]) -> dict[str, str]:
    """Their definitions, with versions of images and without networks, as the presets leave both to their users."""
    written = {
        "demo": compile_definition(configs["demo"], REGION),
        "audit": compile_audit(configs["audit"], REGION),
    }
    for name, text in written.items():
        pinned = json.loads(text.replace(":latest", ":1.4.0"))
        for step in pinned["Steps"]:
            if step["Type"] == "Processing":
                step["Arguments"]["NetworkConfig"]["EnableNetworkIsolation"] = True
        written[name] = json.dumps(pinned)
    return written


@pytest.fixture(scope="session")
def findings(configs: dict[str, Config]) -> Callable[[str, Any], list[Finding]]:
    """What is found in a definition, given as text or as JSON, with the configuration of that name."""

    def find(name: str, definition: Any) -> list[Finding]:
        text = definition if isinstance(definition, str) else json.dumps(definition)
        return check(text, configs[name])

    return find
