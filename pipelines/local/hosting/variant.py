"""A production variant at work: as many instances as it should have, kept alive."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pipelines.local.aws import Json
from pipelines.local.hosting.instance import Instance, Site
from pipelines.local.hosting.serving import INVOCATION_SECONDS, STARTUP_SECONDS, ServingError

_FIRST_PAUSE_SECONDS = 0.5  # between two replacements; doubled each time one fails
_LONGEST_PAUSE_SECONDS = 30.0
_POLL_SECONDS = 0.05

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VariantPlan:
    """What a production variant should be.

    Attributes:
        request: the variant in the endpoint configuration.
        containers: the container definitions of its model, as they were when the endpoint was created or updated.
        weight: its share of the requests, relative to the other variants.
        count: how many instances it has.
    """

    request: Json
    containers: tuple[Json, ...]
    weight: float
    count: int

    @property
    def name(self) -> str:
        """The variant's name."""
        name: str = self.request["VariantName"]
        return name

    @property
    def startup_seconds(self) -> float:
        """How long an instance may take to become healthy."""
        seconds: float = self.request.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS)
        return seconds

    @property
    def most_requests(self) -> int | None:
        """How many requests a serverless variant works on at once."""
        most: int | None = self.request.get("ServerlessConfig", {}).get("MaxConcurrency")
        return most


class VariantClosed(Exception):  # noqa: N818 - not an error: the traffic goes elsewhere by now
    """The variant takes no more requests."""


class NoInstanceError(Exception):
    """No instance of the variant is healthy at the moment."""


class ThrottledError(Exception):
    """The variant works on as many requests as it may."""


class Variant:
    """The instances of one variant; safe to share between threads.

    Args:
        plan: what it should be.
        site: where its instances live.
    """

    def __init__(self, plan: VariantPlan, site: Site) -> None:
        self.plan = plan
        self._site = site
        self._instances: list[Instance] = []
        self._starting: set[Instance] = set()
        self._lock = threading.Lock()
        self._growing = threading.Lock()  # held while instances are added, so that nobody adds them twice
        self._closed = False
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._not_before = 0.0

    @property
    def count(self) -> int:
        """How many instances are healthy."""
        with self._lock:
            return sum(instance.alive for instance in self._instances)

    def grow(self) -> None:
        """Start what is missing of its instances and wait until they are healthy.

        Raises:
            ServingError: one is not; the others stay.
        """
        with self._growing:
            with self._lock:
                missing = self.plan.count - len(self._instances)
            if missing > 0:
                with ThreadPoolExecutor(missing) as pool:
                    list(pool.map(lambda _: self._add(), range(missing)))

    def aim(self, *, count: int | None = None, weight: float | None = None) -> None:
        """Change what it should be; instances too many end once they have answered what they work on."""
        with self._lock:
            new = replace(self.plan, count=self.plan.count if count is None else count)
            self.plan = replace(new, weight=new.weight if weight is None else weight)
            surplus = self._instances[self.plan.count :]
            self._instances = self._instances[: self.plan.count]
        self._stop(surplus)

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Instance]:
        """An instance to send one request to.

        Raises:
            VariantClosed: it takes no more requests.
            NoInstanceError: no instance is healthy.
            ThrottledError: it has enough to do.
        """
        with self._lock:
            instance = self._choose()
            instance.busy += 1
        try:
            yield instance
        finally:
            with self._lock:
                instance.busy -= 1

    def tend(self) -> None:
        """Replace instances that have died, in the background; call it now and then."""
        with self._lock:
            dead = [instance for instance in self._instances if not instance.alive]
            self._instances = [instance for instance in self._instances if instance not in dead]
            missing = len(self._instances) < self.plan.count
            ready = not (self._closed or self._growing.locked() or time.monotonic() < self._not_before)
        if dead or (missing and ready):
            name = f"replace-{self.plan.name}"
            threading.Thread(target=self._replace, args=(dead, missing and ready), name=name, daemon=True).start()

    def close(self, drain_seconds: float = INVOCATION_SECONDS) -> None:
        """Take no more requests, wait for the answers to those in work, stop everything."""
        with self._lock:
            self._closed = True
            instances = [*self._instances, *self._starting]
        self._stop(instances, drain_seconds)

    def _choose(self) -> Instance:
        if self._closed:
            raise VariantClosed
        alive = [instance for instance in self._instances if instance.alive]
        if not alive:
            raise NoInstanceError
        most = self.plan.most_requests
        if most is not None and sum(instance.busy for instance in alive) >= most:
            raise ThrottledError
        least = min(instance.busy for instance in alive)
        return random.choice([instance for instance in alive if instance.busy == least])  # noqa: S311 - not a secret

    def _add(self) -> None:
        instance = Instance(self.plan.containers, self._site)
        with self._lock:
            if self._closed:
                raise ServingError("The variant was stopped.")
            self._starting.add(instance)
        healthy = False
        try:
            instance.start(self.plan.startup_seconds)
            healthy = True
        finally:
            with self._lock:
                self._starting.discard(instance)
                welcome = healthy and not self._closed
                if welcome:
                    self._instances.append(instance)
            if not welcome:
                instance.close()

    def _replace(self, dead: list[Instance], ready: bool) -> None:
        for instance in dead:
            _log.warning("%s: the instance %s died and is replaced", self._site.folder.name, instance.identity)
            instance.close()
        if not ready:  # a later call does it
            return
        try:
            self.grow()
            pause = _FIRST_PAUSE_SECONDS
        except Exception as error:
            pause = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
            unforeseen = not isinstance(error, ServingError)
            text = "%s: an instance could not be replaced: %s"
            _log.warning(text, self._site.folder.name, error, exc_info=unforeseen)
        with self._lock:
            self._pause_seconds = pause
            self._not_before = time.monotonic() + pause

    def _stop(self, instances: list[Instance], drain_seconds: float = INVOCATION_SECONDS) -> None:
        deadline = time.monotonic() + drain_seconds
        while any(instance.busy for instance in instances) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        for instance in instances:
            instance.close()
