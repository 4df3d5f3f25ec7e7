"""Answer an operation: by its plan if there is one, by the executor if not."""

import asyncio
import copy
import hashlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from asyncpg import exceptions as pg
from graphql import GraphQLError, OperationType, execute
from strawberry import Schema

from ..db.refusals import Access
from ..rules.actor import Actor
from .answer import Answer, Decrypt, encoded, finished, stopped
from .batch import Reads
from .deadlines import Deadlines
from .document import Document, Documents, Operation
from .errors import Stopped, log, typed
from .events import Events, EventsPlan
from .fuse import Plan
from .gates import gates_first
from .payload import MutationReads, put
from .pool import Pool
from .question import Question
from .roads import Part, parts
from .symbols import BadInput, NotFused
from .views import places
from .witness import SEEN, Seen, watched

__all__ = ["Answer", "EventsPlan", "Explained", "Pool", "Refused", "Runner"]


@dataclass(frozen=True)
class Explained:
    """Why and how an operation would run. `gates` are the errors of what the role may not ask at all."""

    fused: bool
    reason: str | None
    sql: str | None
    key: tuple[Any, ...] | None
    refusals: list[dict[str, Any]]


class Refused(Exception):
    """A subscription that cannot start; `answer` says why, as the payload of an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


class Runner:
    """One schema over one pool. `decrypt(data, aad)` opens ciphertext; `snapshots` is a pool of its own for the executor.

    `witness(context, what)` is told after an answer what it refused and opened; it must neither wait nor fail.
    """

    def __init__(
        self, schema: Schema, pool: Pool, *, decrypt: Decrypt | None = None, snapshots: Pool | None = None, documents: int = 1000,
        plans: int = 5000, witness: Callable[[Any, Iterable[Access]], None] | None = None,
    ) -> None:  # fmt: skip
        self.schema, self.pool, self.snapshots, self.witness = schema, pool, snapshots or pool, witness
        self.decrypt = watched(decrypt) if decrypt is not None else None
        gates_first(schema._schema)
        self.places = places(schema._schema)
        self.documents = Documents(schema, documents, plans)
        self.last_reads: Reads | None = None

    # What a document is ------------------------------------------------------------------------------------------

    def document(self, text: str) -> Document:
        """The document, parsed and validated. Raises GraphQLError when it cannot be parsed."""
        return self.documents.get(text)

    def operation(self, text: str, name: str | None = None) -> Operation | None:
        """The operation that would run, or None when there is no such one (or the document is not valid)."""
        try:
            return self.documents.get(text).operation(name)
        except GraphQLError:
            return None

    def _ready(
        self, text: str, variables: dict[str, Any], name: str | None, request_id: str
    ) -> tuple[Operation, dict[str, Any]] | Answer:
        try:
            document = self.documents.get(text)
        except GraphQLError as error:
            return stopped([error], request_id, "BAD_REQUEST", "syntax")
        if document.errors:
            return stopped(document.errors, request_id, "BAD_REQUEST", "not valid")
        operation = document.operation(name)
        if operation is None:  # graphql-core has the words
            result: Any = execute(self.schema._schema, document.ast, operation_name=name)
            return stopped(result.errors, request_id, "BAD_REQUEST", "no such operation")
        values = operation.coerce(variables)
        if isinstance(values, list):
            return stopped(values, request_id, "BAD_USER_INPUT", "variables")
        return operation, values

    def at_hand(
        self, document_text: str, variables: dict[str, Any], operation_name: str | None, actor: Actor
    ) -> tuple[Plan, list[Any]] | None:
        """The plan of a query that was asked for before and the values of its parameters; None: `answer` has to see."""
        document = self.documents.known(document_text)
        operation = document.operation(operation_name) if document is not None else None
        if operation is None:
            return None
        values = operation.coerce(variables)
        if isinstance(values, list):
            return None
        plan = operation.plans.get(operation.key(actor.facts, values))
        if not isinstance(plan, Plan):
            return None
        try:
            return plan, plan.parameters.bind(actor, values)
        except BadInput:
            return None

    async def warm(
        self, document_text: str, variables: dict[str, Any], operation_name: str | None, actor: Actor
    ) -> bool:
        """Make a query's plan, and ask it on every connection there may be, so that its statement is prepared there.

        False where it is none, has no plan, or is given what cannot be asked. Raises what `Pool.answer` raises.
        """
        operation = self.operation(document_text, operation_name)
        values = operation.coerce(variables) if operation is not None and operation.is_query else []
        if operation is None or isinstance(values, list):
            return False
        plan = operation.plan(actor.facts, values)
        if isinstance(plan, NotFused):
            return False
        try:
            bound = plan.parameters.bind(actor, values)
        except BadInput:
            return False
        await asyncio.gather(*(self.pool.answer(plan, bound) for _ in range(self.pool.size)))
        return True

    def begin(
        self, plan: Plan, values: list[Any], deadlines: Deadlines, began: float, heard: Callable[[Question], None]
    ) -> Question | None:
        """Ask a plan's statement at once, or as soon as a connection is handed on; None where one has to be opened.

        `heard` is told what came of it, within the time of `deadlines`.
        """
        question = Question(self.pool, plan, values, deadlines, began, heard)
        return question if question.ask() else None

    # Answers -----------------------------------------------------------------------------------------------------

    async def answer(
        self, document_text: str, variables: dict[str, Any] | None, operation_name: str | None, context: Any
    ) -> Answer:
        """The response to a query or a mutation. `context` has `.actor` and `.request_id`; never raises for what a client sent."""
        if self.witness is None:
            return await self._answer(document_text, variables, operation_name, context)
        seen = Seen(context.actor.facts, self.places)
        before = SEEN.set(seen)
        try:
            answer = await self._answer(document_text, variables, operation_name, context)
        finally:
            SEEN.reset(before)
        if seen.opened or seen.refused:
            self.witness(context, seen)
        return answer

    async def _answer(
        self, document_text: str, variables: dict[str, Any] | None, operation_name: str | None, context: Any
    ) -> Answer:
        given = variables or {}
        ready = self._ready(document_text, given, operation_name, context.request_id)
        if isinstance(ready, Answer):
            return ready
        operation, values = ready
        try:
            if operation.is_query:
                found = await self._by_plan(operation, values, context)
                return found if isinstance(found, Answer) else await self._by_executor(operation, given, context, found)
            if operation.kind is OperationType.MUTATION:
                return await self._mutated(operation, given, values, context, fused=True)
        except Stopped as error:
            return _failed(error, context)
        except Exception as error:
            return _failed(typed(error) or error, context)
        return stopped(
            [GraphQLError("A subscription needs a transport that streams.")],
            context.request_id,
            "BAD_REQUEST",
            "subscription",
        )

    async def fused(
        self, document_text: str, variables: dict[str, Any] | None, operation_name: str | None, context: Any
    ) -> Answer | str:
        """The answer of the compiled road, or why it has none."""
        ready = self._ready(document_text, variables or {}, operation_name, context.request_id)
        if isinstance(ready, Answer):
            return ready.reason or ""
        operation, values = ready
        if operation.kind is OperationType.MUTATION:
            return await self._mutated(operation, variables or {}, values, context, fused=True)
        return await self._by_plan(operation, values, context)

    async def batched(
        self, document_text: str, variables: dict[str, Any] | None, operation_name: str | None, context: Any
    ) -> Answer:
        """The answer of the executor."""
        ready = self._ready(document_text, variables or {}, operation_name, context.request_id)
        if isinstance(ready, Answer):
            return ready
        operation, values = ready
        if operation.kind is OperationType.MUTATION:
            return await self._mutated(operation, variables or {}, values, context, fused=False)
        return await self._by_executor(operation, variables or {}, context, "asked for")

    async def _by_plan(self, operation: Operation, values: dict[str, Any], context: Any) -> Answer | str:
        actor = context.actor
        before = operation.document.plans, operation.document.characters
        plan = operation.plan(actor.facts, values)
        if (operation.document.plans, operation.document.characters) != before:
            self.documents.trim()
        if isinstance(plan, NotFused):
            return str(plan)
        try:
            question = getattr(context, "question", None)
            if question is not None and question.plan is plan and not question.again:
                text = question.result()
            else:
                text = await self.pool.answer(plan, plan.parameters.bind(actor, values))
        except BadInput as error:
            return str(error)
        except pg.DataError as error:  # a value that the database does not take; the executor says which
            return f"{type(error).__name__}"
        except pg.PostgresError as error:
            which = hashlib.sha256(plan.sql.encode()).hexdigest()[:16]  # the text has the client's own words
            log.error("a plan failed", request_id=context.request_id, plan=which, exc_info=error)
            return f"{type(error).__name__}"
        body = finished(text, plan, actor, context.request_id, self.decrypt)
        return "null for a non-null field" if body is None else Answer(body, True)

    async def _by_executor(
        self, operation: Operation, variables: dict[str, Any], context: Any, reason: str, again: bool = True
    ) -> Answer:
        context = copy.copy(context)
        door = self.snapshots.snapshot(context.actor.tenant_id)
        reads = context.reads = self.last_reads = Reads(context.actor, door, self.decrypt)
        try:
            made = execute(self.schema._schema, operation.document.ast, None, context, variables, operation.name)
            result = await made if inspect.isawaitable(made) else made
        finally:
            await reads.close()
        if door.stale and again:
            return await self._by_executor(operation, variables, context, reason, again=False)
        return Answer(encoded(result.data, result.errors or (), context.request_id), False, reason)

    async def _mutated(
        self, operation: Operation, variables: dict[str, Any], values: dict[str, Any], context: Any, fused: bool
    ) -> Answer:
        context = copy.copy(context)
        reads = context.reads = MutationReads(
            context.actor, self.pool, self.decrypt, operation, variables, values, context, fused
        )
        try:
            made = execute(self.schema._schema, reads.cut.ast, None, context, variables, operation.name)
            result = await made if inspect.isawaitable(made) else made
        finally:
            await reads.close()
            if (rehearsal := getattr(context, "rehearsal", None)) is not None:
                await rehearsal.close()
        put(result.data, reads.found)
        body = encoded(result.data, result.errors or (), context.request_id, reads.errors)
        return Answer(body, fused and not reads.reasons, "; ".join(reads.reasons) or None)

    # Besides answers ---------------------------------------------------------------------------------------------

    def explain(
        self, document_text: str, variables: dict[str, Any] | None, operation_name: str | None, context: Any
    ) -> Explained | Answer:
        """How the operation would run, without running it; an Answer when it could not even start.

        A mutation is never fused; its `sql` are the statements that read its payload, and `reason` names what is left of it.
        """
        ready = self._ready(document_text, variables or {}, operation_name, context.request_id)
        if isinstance(ready, Answer):
            return ready
        operation, values = ready
        key, facts = operation.key(context.actor.facts, values), context.actor.facts
        if not operation.is_query:
            return _in_parts(operation, key, parts(operation, facts, values))
        plan = operation.plan(facts, values)
        if isinstance(plan, NotFused):
            return Explained(False, str(plan), None, key, [])
        return Explained(True, None, plan.sql, key, plan.refusals)

    def events_plan(
        self,
        document_text: str,
        operation_name: str | None,
        variables: dict[str, Any] | None,
        context: Any,
        fused: bool = True,
    ) -> EventsPlan:
        """How the events of a subscription are read. Raises Refused with the answer to send instead."""
        ready = self._ready(document_text, variables or {}, operation_name, context.request_id)
        if isinstance(ready, Answer):
            raise Refused(ready)
        operation, values = ready
        try:
            if operation.kind is not OperationType.SUBSCRIPTION:
                raise GraphQLError("This is not a subscription.")
            return Events(self.snapshots, self.decrypt, operation, variables or {}, values, copy.copy(context)).plan(
                fused
            )
        except GraphQLError as error:
            raise Refused(stopped([error], context.request_id, "BAD_USER_INPUT", "refused")) from error
        except (BadInput, NotFused) as error:
            raise Refused(
                stopped([GraphQLError(str(error))], context.request_id, "BAD_USER_INPUT", "refused")
            ) from error


def _in_parts(operation: Operation, key: tuple[Any, ...], found: list[Part]) -> Explained:
    """A mutation by what its payload reads, a subscription by what its events do."""
    plans = [each.plan for each in found if isinstance(each.plan, Plan)]
    left = [f"{each.name}: {each.reason}" for each in found if each.reason is not None]
    sql = ";\n".join(plan.sql for plan in plans) or None
    refusals = [refusal for plan in plans for refusal in plan.refusals]
    if operation.kind is OperationType.SUBSCRIPTION:
        return Explained(bool(plans), "; ".join(left) or (None if plans else "its gate refuses it"), sql, key, refusals)
    return Explained(False, "; ".join(["a mutation", *left]), sql, key, refusals)


def _failed(error: BaseException, context: Any) -> Answer:
    """The whole operation failed: no data, one error."""
    found = (
        error
        if isinstance(error, GraphQLError)
        else GraphQLError(str(error), original_error=error if isinstance(error, Exception) else None)
    )
    body = encoded(None, [found], context.request_id)
    code = found.extensions.get("code") if isinstance(found, Stopped) and found.extensions else "INTERNAL"
    return Answer(body, False, "failed", code=code)
