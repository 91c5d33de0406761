"""Who calls: access keys by which the user, each role and the server itself are told apart."""

from __future__ import annotations

import re
import threading

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from pipelines.local.aws import ACCOUNT, REGION

USER_KEY = "embedded"  # of whoever uses the exports that the server prints
SERVER_KEY = "embedded-server"
_ROLE = re.compile(rf"arn:aws:iam::{ACCOUNT}:role/[\w+=,.@/-]+")
_SESSION = "SageMaker"  # as services of AWS name the sessions of the roles that they take
_SESSION_SECONDS = 12 * 3600


class Identities:
    """The access keys of one server. There is one for each role, so that they do not pile up."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}  # by the role's ARN
        self._lock = threading.Lock()

    def key_of(self, role: str | None) -> str:
        """The access key of a role; of one of another account, or of none, it is the user's."""
        if role is None or not _ROLE.fullmatch(role):
            return USER_KEY
        with self._lock:
            if role not in self._keys:
                sts = sts_backends[ACCOUNT]["aws"]
                assumed = sts.assume_role(REGION, _SESSION, role, "", _SESSION_SECONDS, "")
                self._keys[role] = assumed.access_key_id
            return self._keys[role]

    def caller(self, key: str) -> str:
        """The ARN of the role or user that an access key belongs to; empty for the server itself."""
        if key == SERVER_KEY:
            return ""
        with self._lock:
            own = next((role for role, known in self._keys.items() if known == key), None)
        if own is not None:
            return own
        assumed = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(key)
        if assumed is not None:
            role: str = assumed.role_arn
            return role
        known = iam_backends[ACCOUNT]["aws"].access_keys.get(key)
        name = known.user_name if known is not None and known.user_name else "operator"
        return f"arn:aws:iam::{ACCOUNT}:user/{name}"
