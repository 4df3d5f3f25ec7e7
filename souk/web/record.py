"""What is told of an operation when it ends: its cost to the client, one line to the log, and the counters."""

from time import perf_counter
from typing import Any

import structlog
from graphql import OperationType

from souk.engine.cost import Price
from souk.web.errors import Told
from souk.web.gate import GraphQLRequest
from souk.web.guard import Asked
from souk.web.limits import Charge
from souk.web.metrics import Metrics
from souk.web.parts import Call

REFUSED_POINTS = 3  # what a request costs that was read, and refused
SUBSCRIPTION = OperationType.SUBSCRIPTION
NAMED = 100  # characters of an operation's name that are logged
log = structlog.get_logger("souk.web")


class Record:
    """What is told of one operation when it ends: one line of the log, and the counters. Of its input only its size."""

    __slots__ = (
        "asked",
        "began",
        "call",
        "charge",
        "events",
        "fused",
        "left",
        "metrics",
        "points",
        "price",
        "request",
    )

    def __init__(self, metrics: Metrics, request: GraphQLRequest, asked: Asked, call: Call) -> None:
        self.metrics, self.request, self.asked, self.call = metrics, request, asked, call
        self.began = perf_counter()
        self.price: Price | None = None
        self.charge: Charge | None = None
        self.fused: bool | None = None
        self.left = False  # to the executor, though it was a good operation
        self.events = self.points = 0

    def settled(self, answer: Told, limit: int | None, more: bytes = b"") -> Told:
        """The answer with what it cost, of `limit` points: a row is an object in it, so braces bound the rows from above."""
        assert self.price is not None and self.charge is not None
        body = answer.body
        actual = self.price.actual(max(0, body.count(b"{") - 2)) if answer.executed else REFUSED_POINTS
        self.points = actual
        self.charge.settle(actual)
        if limit is None:
            return answer
        told = (self.price.points, actual, limit, more)
        cost = b',"extensions":{"cost":{"estimated":%d,"actual":%d,"limit":%d}%b}}' % told
        answer.body = body[:-1] + cost
        return answer

    def done(self, outcome: str) -> None:
        spent, call, asked = perf_counter() - self.began, self.call, self.asked
        estimated = self.price.points if self.price is not None else 0
        charged = self.points or (estimated if self.charge is not None else 0)
        name, kind, transport = asked.name, asked.kind._value_, call.transport
        document = name if self.request.registered else None
        self.metrics.operation(asked.label, document, kind, transport, outcome, spent, charged)
        if self.left:
            self.metrics.not_fused(document, kind)
        ms, fused = spent * 1000, self.fused
        name = name[:NAMED] if name else name
        quick = getattr(log, "operation", None)
        plain = fused is not None and not call.trace and not call.rehearse and asked.kind is not SUBSCRIPTION
        if quick is not None and plain:
            quick(call.request_id, name, asked.digest, kind, transport, charged, estimated, ms, outcome, fused)
            return
        facts: dict[str, Any] = {
            "request_id": call.request_id,
            "name": name,
            "hash": asked.digest,
            "kind": kind,
            "transport": transport,
            "cost": charged,
            "estimated": estimated,
            "ms": round(ms, 1),
            "outcome": outcome,
        }
        if asked.kind is SUBSCRIPTION:
            facts["events"] = self.events
        if fused is not None:
            facts["fused"] = fused
        if call.trace:
            facts["trace"] = call.trace
        if call.rehearse:
            facts["dry_run"] = True
        log.info("operation", **facts)
