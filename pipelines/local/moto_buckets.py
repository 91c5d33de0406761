"""Keeps moto from denying what a bucket's policy denies under a condition alone, such as all that comes without TLS."""

from __future__ import annotations

import json
from typing import Any

import moto.s3.models
from moto.iam.access_control import IAMPolicy, PermissionResult


def _get_permission(self: Any, action: str, resource: str) -> PermissionResult:
    """Moto's own answer from those statements that hold under all conditions; it would take the others for such."""
    policy = json.loads(self.policy or "{}")
    statements = policy.get("Statement", [])
    statements = [statements] if isinstance(statements, dict) else statements
    unconditional = [each for each in statements if not each.get("Condition")]
    if not unconditional:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**policy, "Statement": unconditional})).is_action_permitted(action, resource)


def install() -> None:
    """Change moto so, in this process and for good."""
    buckets: Any = moto.s3.models.FakeBucket
    buckets.get_permission = _get_permission
