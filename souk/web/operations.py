"""One operation, whatever carried it: checked by the guard, answered in time, told in one shape, logged in one line."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

import orjson
import structlog
from graphql import OperationType

from souk.context import Cookie, Rehearsal
from souk.documents.store import NOT_FOUND, DocumentRefused
from souk.engine.deadlines import Deadlines
from souk.engine.missing import missing
from souk.engine.question import Question
from souk.engine.run import Explained
from souk.rules.actor import Actor
from souk.rules.client import client_class
from souk.rules.signin import ALONE
from souk.settings import Settings
from souk.web.errors import STATUS, Code, Failure, Told, failure_of, internal, told, wrong_document
from souk.web.gate import GraphQLRequest
from souk.web.guard import Asked, Guard
from souk.web.limits import Allowances, Charge
from souk.web.metrics import Metrics
from souk.web.parts import Answer, Call, Parts, Payload
from souk.web.record import REFUSED_POINTS, Record

log = structlog.get_logger("souk.web")


class Begun(Protocol):
    """A query that was asked before it had a task, whose answer needs one."""

    record: Record
    question: Question | None


@dataclass(slots=True)
class Result:
    """An answer ready to be sent; `failure`: why nothing was asked of the runner's parts, or why it came to nothing."""

    told: Told
    failure: Failure | None = None
    cookie: Cookie | None = None
    charge: Charge | None = None

    @property
    def plain(self) -> bool:
        """An answer with data, without errors and without a cookie: nearly all of them."""
        return self.failure is None and not self.told.errors and self.cookie is None

    @property
    def status(self) -> int:
        """The HTTP status. Whatever has data is 200, also where the data are null by a field's own error."""
        if self.failure is not None:
            return self.failure.status
        if self.told.failed is None:
            return 200
        status = STATUS.get(self.told.failed, 400)
        return 200 if self.told.executed and status not in (401, 429, 503, 504) else status

    @property
    def retry_after_ms(self) -> int | None:
        if self.failure is not None:
            return self.failure.retry_after_ms
        first = self.told.errors[0]["extensions"] if self.told.failed else {}
        after: int | None = first.get("retryAfterMs")
        return 1000 if after is None and self.status in (429, 503) and first.get("retryable") else after


@dataclass(frozen=True, slots=True)
class Event:
    """One payload of a subscription; `after` is where a subscriber that read it resumes."""

    body: bytes
    executed: bool = True
    after: Any = None


MUTATION = OperationType.MUTATION
GIVEN_BACK = frozenset({Code.OVERLOADED, Code.UNAVAILABLE, Code.SHUTTING_DOWN})


class Operations:
    """The road from a request to its answer, the same over HTTP, sockets and event streams."""

    def __init__(self, settings: Settings, guard: Guard, parts: Parts, metrics: Metrics | None = None) -> None:
        self.settings, self.guard, self.parts = settings, guard, parts
        self.metrics = metrics or Metrics()
        self.limits = parts.limits or Allowances(settings)
        self.deadlines = Deadlines(settings.request_timeout)
        self.writing: set[asyncio.Task[Answer]] = set()
        self.most = settings.max_cost if guard.costs else None
        """Points that an operation may cost, as its answer tells them; None: nobody counts."""

    async def document(self, request: GraphQLRequest, actor: Actor, call: Call) -> GraphQLRequest:
        """The request with the text of its document. Raises Failure: it is not known, or may not be sent by this client."""
        store = self.parts.documents
        if store is None:
            if not request.query:
                raise wrong_document(NOT_FOUND, Code.PERSISTED_QUERY_NOT_FOUND)
            return GraphQLRequest(request.query, request.variables, request.operation_name, request.extensions)
        client = client_class(actor, cookie=call.credential.cookie)
        try:
            found = await store.document(
                request.query or None, request.sha256, actor, client, automatic=request.automatic
            )
        except DocumentRefused as refused:
            raise wrong_document(refused.message, Code(refused.code)) from None
        request.query, request.sha256, request.registered = found.text, found.sha256, found.registered
        return request

    def at_hand(self, request: GraphQLRequest, actor: Actor, call: Call) -> bool:
        """Fill in the document where it need not be looked for; False: `document` has to look, or to refuse."""
        store = self.parts.documents
        if store is None:
            return False
        client = client_class(actor, cookie=call.credential.cookie)
        try:
            found = store.at_hand(request.query or None, request.sha256, actor, client, automatic=request.automatic)
        except DocumentRefused:
            return False
        if found is None:
            return False
        request.query, request.sha256, request.registered = found.text, found.sha256, found.registered
        return True

    def check(self, request: GraphQLRequest) -> Asked:
        """The operation that is asked for. Raises Failure; a syntax error is one, with its locations."""
        return self.guard.check(request.query, request.sha256).asked(request.operation_name)

    async def refuse(self, failure: Failure, actor: Actor | None, call: Call) -> Failure:
        """Note that a request was refused before it became an operation; it costs a little, or RATE_LIMITED comes of it."""
        if failure.code is not Code.RATE_LIMITED and failure.code not in GIVEN_BACK:
            try:
                await self.limits.charge(actor, call.address, REFUSED_POINTS)
            except Failure as limited:
                failure = limited
        self.metrics.refused(failure.code, call.transport)
        told = {"trace": call.trace} if call.trace else {}
        log.info(
            "refused",
            request_id=call.request_id,
            code=failure.code.value,
            status=failure.status,
            transport=call.transport,
            **told,
        )
        return failure

    async def answer(
        self, request: GraphQLRequest, asked: Asked, actor: Actor, call: Call, begun: Begun | None = None
    ) -> Result:
        """Answer a query or a mutation, where `begun` from what is there of it. Never raises but for cancellation."""
        record = Record(self.metrics, request, asked, call) if begun is None else begun.record
        context = None
        try:
            if begun is None:
                price = record.price = self.guard.admit(asked, request.variables)
                record.charge = await self.limits.charge(actor, call.address, price.points)
            context = self.parts.context(actor, call)
            context.charge = charge = record.charge
            if begun is not None:
                context.question = begun.question
                if begun.question is not None and begun.question.expired:
                    raise TimeoutError
            if call.rehearse:
                context.rehearsal = Rehearsal()
            run = self.parts.runner.answer(request.query, request.variables, request.operation_name, context)
            if asked.kind is MUTATION:
                signs_in = not asked.roots.isdisjoint(ALONE)
                answer = await self._written(run, context, self._left(call, signs_in=signs_in))
            else:
                with self.deadlines.begun(call.began):
                    answer = await run
            record.fused = answer.fused
            found = told(
                answer.body, call.request_id, again=not context.effects.unsettled, hints=self.settings.development
            )
            record.left = not answer.fused and found.executed
            result = Result(
                record.settled(
                    found,
                    self.most,
                    _rehearsed(context) if call.rehearse else b"",
                ),
                cookie=getattr(context.effects, "cookie", None),
                charge=charge,
            )
            record.done(_outcome(found))
        except Exception as error:
            failed = self._failed(error, call, again=context is None or not context.effects.unsettled)
            result = Result(failed.told, failed.failure, charge=record.charge)
            code = failed.failure.code if failed.failure else Code.INTERNAL
            if record.charge is not None and code in GIVEN_BACK:
                record.charge.settle(1)
            record.done(code.value)
        return result

    async def explain(self, request: GraphQLRequest, asked: Asked, actor: Actor, call: Call) -> Result:
        """What the operation would cost, how it would be read, and what its caller may not, without running it.

        The statement itself is shown on development servers only. Raises Failure.
        """
        charge = await self.limits.charge(actor, call.address, REFUSED_POINTS)
        price = asked.price(request.variables)
        context, runner = self.parts.context(actor, call), self.parts.runner
        found = runner.explain(request.query, request.variables, request.operation_name, context)
        if not isinstance(found, Explained):
            return Result(told(found.body, call.request_id, hints=self.settings.development), charge=charge)
        operation = runner.operation(request.query, request.operation_name)
        plan: dict[str, Any] = {"road": "statement" if found.fused else "executor"}
        if self.settings.development:
            plan |= {"reason": found.reason, "sql": found.sql}
        told_ = {
            "cost": price.points,
            "costLimit": self.settings.max_cost,
            "nodes": price.nodes,
            "nodesLimit": self.settings.max_nodes,
            "weight": price.weight,
            "hash": f"sha256:{asked.digest}",
            "plan": plan,
            "missingPermissions": missing(operation, actor.facts) if operation is not None else [],
        }
        return Result(Told(orjson.dumps({"data": None, "extensions": {"explain": told_}})), charge=charge)

    def _left(self, call: Call, *, signs_in: bool = False) -> float:
        """Seconds that the request still has."""
        limits = self.settings
        most = min(limits.sign_in_timeout, limits.request_timeout) if signs_in else limits.request_timeout
        return max(0.0, call.began + most - monotonic())

    async def _written(self, run: Coroutine[Any, Any, Answer], context: Any, seconds: float) -> Answer:
        """The answer of a mutation that nobody's impatience ends half-way: what it commits is told, if it is in time.

        After the time of a request no further transaction begins, and the one under way has a moment more.
        """
        task = asyncio.create_task(run)
        self.writing.add(task)
        task.add_done_callback(self._ended)
        if not (await asyncio.wait((task,), timeout=seconds))[0]:
            context.effects.late = True
            if not (await asyncio.wait((task,), timeout=self.settings.commit_grace))[0]:
                raise TimeoutError
        return task.result()

    def _ended(self, task: "asyncio.Task[Answer]") -> None:
        self.writing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and failure_of(error) is None:
            log.warning("a mutation failed", error=type(error).__name__)

    async def settle(self) -> None:
        """Wait for mutations that nobody waits for any more; the database's time limits end each of them."""
        if self.writing:
            await asyncio.wait(self.writing, timeout=self.settings.statement_timeout)

    async def follow(
        self,
        request: GraphQLRequest,
        asked: Asked,
        actor: Actor,
        call: Call,
        deliver: Callable[[bytes, Any], None],
    ) -> AsyncIterator[Event]:
        """The payloads of a subscription; those that its source shares go to `deliver(body, after)` instead.

        `deliver` is called between two turns of the loop, must not wait, and may raise. Raises Failure. What it may
        answer at most is charged once, when it begins.
        """
        record = Record(self.metrics, request, asked, call)
        outcome, context = "ended", None

        def push(payload: Payload) -> None:
            record.events += 1
            deliver(payload if payload.plain else told(payload, call.request_id).body, payload.after)

        try:
            if self.parts.events is None:
                raise Failure(Code.OPERATION_NOT_ALLOWED, "There are no subscriptions here.")
            price = record.price = self.guard.admit(asked, request.variables)
            record.charge = await self.limits.charge(actor, call.address, price.points)
            context = self.parts.context(actor, call)
            context.charge = record.charge
            source = self.parts.events.subscribe(
                request.query, request.variables, request.operation_name, context, push
            )
            async with aclosing(source) as payloads:  # type: ignore[type-var]
                async for item in payloads:
                    record.events += 1
                    after, payload = item if isinstance(item, tuple) else (getattr(item, "after", None), item)
                    found = told(payload, call.request_id, hints=self.settings.development)
                    yield Event(found.body, found.executed, after)
            outcome = "ok"
        except Exception as error:
            failure = self._failed(error, call).failure
            outcome = failure.code.value if failure else ""
            raise failure or internal() from None
        finally:
            record.left = getattr(context, "fused", None) is False
            record.done(outcome)

    def _failed(self, error: Exception, call: Call, *, again: bool = True) -> Result:
        failure = failure_of(error)
        if failure is None:
            log.error("failed", request_id=call.request_id, exc_info=error)
            failure = internal()
        if not again:
            failure.retryable, failure.retry_after_ms = False, None
        return refused(failure, call)


def refused(failure: Failure, call: Call) -> Result:
    """The answer to an operation that was not run."""
    return Result(Told(failure.body(call.request_id), executed=False, failed=failure.code), failure)


def _rehearsed(context: Any) -> bytes:
    """What a dry run would have made happen, for the answer's extensions."""
    if (rehearsal := getattr(context, "rehearsal", None)) is None:
        return b""
    return b',"dryRun":' + orjson.dumps({"kept": False, "events": rehearsal.effects})


def _outcome(answer: Told) -> str:
    return str(answer.errors[0]["extensions"]["code"]) if answer.errors else "ok"
