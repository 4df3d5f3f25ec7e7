"""What a process counts of itself, as Prometheus reads it at `/metrics`.

Labels have few values, whatever a client sends: an operation is told by its root field, where that is one field that the
schema has, and a registered document by its name, as long as there are not too many; codes are those of the contract.
"""

import asyncio
import secrets
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import accumulate
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from souk.settings import Settings
from souk.web.errors import Code, Failure

OUTCOMES = frozenset({"ok", "ended", ""}) | frozenset(code.value for code in Code)
OPERATION = ("operation", "document", "kind", "transport", "code")
DOCUMENTS, NAMED = 500, 100  # names of registered documents that are told apart, and their characters
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
POINTS = (1.0, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
TOGETHER = 256  # operations that ended, before they are counted
CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()
LAG_KEPT = 5.0  # seconds a look at the queue is good for, however often somebody scrapes
LAG_SECONDS = 2.0
LOOPBACK = ("127.", "::1", "::ffff:127.")
Gauge = tuple[str, str, Mapping[str, float]]
Gauges = Callable[[], Iterable[Gauge]]
log = structlog.get_logger("souk.web")


class Spread:
    """How many of a kind were at most so much: what a histogram tells. Counting one is a bisection and two additions."""

    __slots__ = ("counts", "steps", "total")

    def __init__(self, steps: tuple[float, ...]) -> None:
        self.steps, self.total = steps, 0.0
        self.counts = [0] * (len(steps) + 1)

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.steps, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: each holds those before it."""
        return list(zip([*map(str, self.steps), "+Inf"], map(float, accumulate(self.counts)), strict=True))


class Metrics(Collector):
    """The counters of one process, in a registry of their own; counted in plain numbers, told when somebody reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        self._ended: list[tuple[str, str | None, str, str, str, float, int]] = []
        self._documents: set[str] = set()
        self._operations: dict[tuple[str, str, str, str, str], int] = defaultdict(int)
        self._not_fused: dict[tuple[str, str], int] = defaultdict(int)
        self._refusals: dict[tuple[str, str], int] = defaultdict(int)
        self._seconds: dict[str, Spread] = {}
        self._points: dict[str, Spread] = {}

    def operation(
        self, operation: str, document: str | None, kind: str, transport: str, code: str, seconds: float, points: int
    ) -> None:
        """Count one operation: its root field, its name in a registered document (None: it is in none), its kind, what
        carried it, its code or `ok`. Counted together, when somebody reads or there are many."""
        self._ended.append((operation, document, kind, transport, code, seconds, points))
        if len(self._ended) >= TOGETHER:
            self._count()

    def _count(self) -> None:
        ended, self._ended = self._ended, []
        for each in ended:
            self._one(*each)

    def _one(
        self, operation: str, document: str | None, kind: str, transport: str, code: str, seconds: float, points: int
    ) -> None:
        named = "" if document is None else document if document in self._documents else self._document(document)
        self._operations[operation, named, kind, transport, code if code in OUTCOMES else Code.INTERNAL.value] += 1
        spread = self._seconds.get(kind)
        if spread is None:
            spread = self._seconds[kind] = Spread(SECONDS)
            self._points[kind] = Spread(POINTS)
        spread.add(seconds)
        if points:
            self._points[kind].add(points)

    def not_fused(self, document: str | None, kind: str) -> None:
        """Count one operation that the executor answered, or a part of it; `document` as in `operation`."""
        self._not_fused["" if document is None else self._document(document), kind] += 1

    def _document(self, name: str) -> str:
        if name not in self._documents:
            if len(self._documents) >= DOCUMENTS or len(name) > NAMED:
                return "other"
            self._documents.add(name)
        return name

    def refused(self, code: Code, transport: str) -> None:
        """Count one request that was refused."""
        self._refusals[code.value, transport] += 1

    def watch(self, gauges: Gauges) -> Collector:
        """Ask `gauges` for `(name, what it is, {label: value})` whenever somebody reads; the label is called `of`."""
        collector = _Gauges(gauges)
        self.registry.register(collector)
        return collector

    def text(self) -> bytes:
        return bytes(generate_latest(self.registry))

    def collect(self) -> Iterable[Metric]:
        self._count()
        operations = CounterMetricFamily("souk_operations", "Operations that ended.", labels=OPERATION)
        for key, count in self._operations.items():
            operations.add_metric(key, count)
        not_fused = CounterMetricFamily(
            "souk_operations_not_fused",
            "Operations that were left to the executor, wholly or in part; `souk documents explain` says why.",
            labels=("document", "kind"),
        )
        for left, count in self._not_fused.items():
            not_fused.add_metric(left, count)
        refusals = CounterMetricFamily(
            "souk_refusals", "Requests refused before an operation began.", labels=("code", "transport")
        )
        for refusal, count in self._refusals.items():
            refusals.add_metric(refusal, count)
        yield operations
        yield not_fused
        yield refusals
        for name, description, spreads in (
            ("souk_operation_seconds", "From the checked document to the answer.", self._seconds),
            ("souk_operation_cost_points", "What was charged in the end.", self._points),
        ):
            family = HistogramMetricFamily(name, description, labels=("kind",))
            for kind, spread in spreads.items():
                family.add_metric((kind,), spread.buckets(), spread.total)
            yield family


class _Gauges(Collector):
    def __init__(self, gauges: Gauges) -> None:
        self.gauges = gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, description, values in self.gauges():
            family = GaugeMetricFamily(name, description, labels=("of",))
            for label, value in values.items():
                family.add_metric([label], value)
            yield family


class Lag:
    """How long what is due has been waiting, in seconds by kind of work; looked up at most every few seconds."""

    def __init__(self, ask: Callable[[], Awaitable[dict[str, float]]]) -> None:
        self.ask, self.found, self._at = ask, dict[str, float](), float("-inf")

    async def look(self) -> None:
        """Ask again where the last answer is too old. A database that cannot answer leaves no number behind."""
        if monotonic() - self._at < LAG_KEPT:
            return
        self._at = monotonic()
        try:
            async with asyncio.timeout(LAG_SECONDS):
                self.found = await self.ask()
        except Exception as error:
            self.found = {}
            log.warning("the lag of the queue is not known", error=type(error).__name__)


def check_reader(settings: Settings, headers: dict[bytes, bytes], address: str) -> None:
    """Raises Failure (FORBIDDEN) for somebody who may not read the metrics."""
    wanted = settings.metrics_token
    if wanted is not None:
        given = headers.get(b"x-internal-token") or headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        allowed = secrets.compare_digest(given, wanted.get_secret_value().encode())
    else:
        forwarded = any(name in headers for name in (b"forwarded", b"x-forwarded-for", b"x-real-ip"))
        allowed = address.startswith(LOOPBACK) and not forwarded
    if not allowed:
        raise Failure(Code.FORBIDDEN, "You may not read the metrics.")
