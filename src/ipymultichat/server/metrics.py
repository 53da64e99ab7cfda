"""`/metrics`: what goes on, in the text format of Prometheus. Nothing in it is secret, or names anybody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ipymultichat.server.counters import BUCKETS
from ipymultichat.server.relay import Relay

try:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.metrics_core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        Metric,
    )
    from prometheus_client.registry import Collector
except ModuleNotFoundError as _error:
    if (_error.name or "").partition(".")[0] != "prometheus_client":
        raise
    raise ImportError('metrics need another package: pip install "ipymultichat[metrics]"') from _error

if TYPE_CHECKING:
    from ipymultichat.server.admission import Admission

COUNTERS = {
    "asked": "Questions and reports that were taken in.",
    "answered": "Requests that a person answered.",
    "timed_out": "Requests whose time was over before anybody answered.",
    "cancelled": "Requests that were withdrawn, or whose agent did not come back.",
    "kept": "Answers that found their agent away.",
    "fetched": "Recorded answers that were handed to an agent that asked again.",
    "refused": "Requests that were refused by a limit.",
    "store_failures": "Tries of the store that failed.",
}
"""The fields of `Counters`, and what they count."""


def metrics_route(relay: Relay) -> Route:
    """Return the route that tells of a relay, and of the connections of its listener."""

    async def metrics(request: Request) -> Response:
        registry = CollectorRegistry()
        registry.register(_Collected(relay, request.scope["state"]["admission"]))
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return Route("/metrics", metrics, methods=["GET"])


class _Collected(Collector):
    def __init__(self, relay: Relay, admission: Admission) -> None:
        self._relay = relay
        self._admission = admission

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it is now."""
        relay, counters = self._relay, self._relay.counters
        people = sum(client.token is not None for client in relay.state.clients)
        yield _gauge(
            "requests_waiting", "Requests that wait for an answer, in the whole store.", len(relay.state.waiting)
        )
        yield _gauge("agents_waiting", "Calls that wait for an answer here.", relay.callers)
        yield _gauge("people_connected", "People who are logged in here.", people)
        yield _gauge("connections", "Connections that are open here.", len(self._admission))
        yield _counter("connections_accepted", "Connections that were taken in.", self._admission.entered)
        for name, words in COUNTERS.items():
            yield _counter(name, words, getattr(counters, name))
        sums = accumulate(counters.answer_seconds)
        names = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]
        yield HistogramMetricFamily(
            "ipymultichat_answer_seconds",
            "From the question to its answer.",
            buckets=list(zip(names, sums, strict=True)),
            sum_value=counters.answer_seconds_sum,
        )


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ipymultichat_{name}", words, value)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(f"ipymultichat_{name}", words, value)
