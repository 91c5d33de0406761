"""Which deployment, and which variant of it, takes a request of an endpoint."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from pipelines.local.aws import Json
from pipelines.local.hosting.capture import Body
from pipelines.local.hosting.deployment import Deployment
from pipelines.local.hosting.instance import InstanceLostError
from pipelines.local.hosting.serving import Answer
from pipelines.local.hosting.variant import VariantClosed

_Item = TypeVar("_Item")

_CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"


class NotInServiceError(Exception):
    """No deployment takes requests."""


class NoVariantError(Exception):
    """There is no variant of the name that a request asks for, or none with a weight above zero."""


class Traffic:
    """The deployments that take requests now, each with its share; safe to share between threads."""

    def __init__(self) -> None:
        self._shares: tuple[tuple[float, Deployment], ...] = ()
        self._ended = False
        self._lock = threading.Lock()

    @property
    def deployments(self) -> list[Deployment]:
        """Those that take requests, the newest first."""
        return [deployment for _, deployment in self._shares]

    def shift(self, *shares: tuple[float, Deployment]) -> None:
        """Send requests to these deployments from now on, before any other is closed."""
        with self._lock:
            if not self._ended:
                self._shares = shares

    def end(self) -> None:
        """Take no more requests, whatever `shift` says later."""
        with self._lock:
            self._ended = True
            self._shares = ()

    def send(self, body: bytes, headers: Mapping[str, str], target: str | None) -> tuple[str, Answer]:
        """Have a request answered. Returns the name of the variant that did, and its answer.

        Args:
            body: of the request.
            headers: that the container should see.
            target: the variant to send it to; None for one drawn by weight.

        Raises:
            NotInServiceError: no deployment takes requests.
            NoVariantError: no variant of theirs does.
            NoInstanceError: the variant has no healthy instance at the moment.
            ThrottledError: the variant has enough to do.
            ContainerError: the container answers with an error, or not at all.
        """
        while True:
            deployment, name = self._draw(target)
            try:
                with deployment.variants[name].borrow() as instance:
                    answer = instance.invoke(body, headers)
            except (VariantClosed, InstanceLostError):  # the request has reached nobody, and is sent anew
                continue
            about: Json = {}
            if _CUSTOM_ATTRIBUTES in headers:
                about["customAttributes"] = [headers[_CUSTOM_ATTRIBUTES]]
            if _INFERENCE_ID in headers:
                about["inferenceId"] = headers[_INFERENCE_ID]
            sent = Body(headers.get("Content-Type"), body)
            deployment.capture.take(name, sent, Body(answer.headers.get("Content-Type"), answer.body), about)
            return name, answer

    def _draw(self, target: str | None) -> tuple[Deployment, str]:
        shares = {deployment: share for share, deployment in self._shares if target in (None, *deployment.variants)}
        if not self._shares:
            raise NotInServiceError
        deployment = weighted_choice(shares)
        name = target if deployment is None else target or weighted_choice(deployment.weights)
        if deployment is None or name is None:
            raise NoVariantError
        return deployment, name


def weighted_choice(weights: Mapping[_Item, float], number: Callable[[], float] = random.random) -> _Item | None:
    """One of several by weight; None where no weight is above zero.

    Args:
        weights: none below zero.
        number: gives numbers from 0 up to but not including 1.
    """
    total = sum(weights.values())
    if total <= 0:
        return None
    left = number() * total
    for item, weight in weights.items():
        left -= weight
        if left < 0:
            return item
    return max(weights, key=lambda item: weights[item])  # where rounding has left a crumb
