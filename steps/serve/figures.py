"""Counters of the endpoint in Prometheus' format."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper bounds in seconds, around what a photo takes on a core."""


class Figures:
    """Counts invocations.

    Args:
        waiting: tells how many are in hand.
    """

    def __init__(self, waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._invocations = Counter("invocations", "Invocations, by status", ["status"], registry=self._registry)
        self._seconds = Histogram(
            "invocation_seconds", "Time from request to answer", buckets=BUCKETS, registry=self._registry
        )
        gauge = Gauge("invocations_in_hand", "Invocations that run or wait", registry=self._registry)
        gauge.set_function(waiting)

    def count(self, status: int, seconds: float) -> None:
        """Count an invocation that has been answered."""
        self._invocations.labels(str(status)).inc()
        self._seconds.observe(seconds)

    def page(self) -> tuple[bytes, str]:
        """The counters, and the content type of their format."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
