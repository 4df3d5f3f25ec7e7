"""Subscriptions over event rows: one statement for all subscribers who see the same, each row the complete payload."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import execute

from ..rules.actor import Actor
from .answer import Decrypt, encoded, finished
from .batch import Reads, shown
from .document import Operation
from .exchange import elements
from .fuse import AFTER, LIMIT, Plan
from .notes import Stream, note_of
from .pool import Pool
from .symbols import NotFused

Event = tuple[int, bytes]


@dataclass(frozen=True)
class EventsPlan:
    """How a subscriber's events are read. Subscribers with an equal `key` share the statement and its rows.

    `after` is where this subscriber starts (None: from the beginning); `fetch(after, limit)` gives `(seq, payload)` pairs with
    `seq > after`, ascending. `fused` and `reason` are those of an `Answer`. `subject` is the global id whose events they are:
    the first argument that ends in `Id`.
    """

    key: tuple[Any, ...]
    after: int | None
    fused: bool
    reason: str | None
    sql: str | None
    _fetch: Callable[[int, int], Any]
    subject: str | None = None

    async def fetch(self, after: int | None, limit: int = 256) -> list[Event]:
        found: list[Event] = await self._fetch(after or 0, limit)
        return found


class Events:
    """The reading of one subscription, on either road."""

    def __init__(
        self,
        pool: Pool,
        decrypt: Decrypt | None,
        operation: Operation,
        variables: dict[str, Any],
        values: dict[str, Any],
        context: Any,
    ) -> None:
        self.pool, self.decrypt, self.operation = pool, decrypt, operation
        self.variables, self.values, self.context = variables, values, context
        self.actor: Actor = context.actor

    def plan(self, fused: bool = True) -> EventsPlan:
        """The plan; raises the gate's refusal and BadInput."""
        self.note, self.arguments = self._field()
        if self.note.gate is not None and not self.note.gate.admits(self.actor.facts):
            raise self.note.gate.refusal()
        after = self.arguments.get("after")
        made = self._plan() if fused else NotFused("asked for")
        if isinstance(made, NotFused):
            key: tuple[Any, ...] = (
                self.operation.document.text,
                self.operation.name,
                repr({**self.variables, "after": None}),
                self.actor,
            )
            return EventsPlan(key, after, False, str(made), None, self._by_executor, self._subject())
        values = made.parameters.bind(self.actor, self.values | {AFTER: None, LIMIT: None})
        key = (made.sql, tuple(tuple(each) if isinstance(each, list) else each for each in values))

        async def fetch(after: int, limit: int) -> list[Event]:
            return await self._by_plan(made, after, limit)

        return EventsPlan(key, after, True, None, made.sql, fetch, self._subject())

    def _subject(self) -> str | None:
        return next(
            (str(each) for name, each in self.arguments.items() if name.endswith("_id") and each is not None), None
        )

    def _field(self) -> tuple[Stream, dict[str, Any]]:
        fuser = self.operation.fuser(self.actor.facts, {})
        fuser.values = type(fuser.values)({}, self.values)
        definition, declared, fields = fuser.root()
        note = note_of(declared)
        if not isinstance(note, Stream):
            raise NotFused("This subscription is not a stream of rows.")
        return note, fuser.arguments(definition, declared, fields)

    def _plan(self) -> Plan | NotFused:
        key = ("events", *self.operation.key(self.actor.facts, self.values))
        found = self.operation.plans.get(key)
        if found is None:
            try:
                found = self.operation.fuser(self.actor.facts, self.values).events()
            except NotFused as why:
                found = why
            self.operation.keep(key, found)
        return found

    async def _by_plan(self, plan: Plan, after: int, limit: int) -> list[Event]:
        values = plan.parameters.bind(self.actor, self.values | {AFTER: after, LIMIT: limit})
        found: list[Event] = []
        for each in elements(await self.pool.answer(plan, values)):
            seq, _, text = each.partition(b":")
            done = finished(text, plan, self.actor, self.context.request_id, self.decrypt)
            if done is None:
                return await self._by_executor(after, limit)
            found.append((int(seq), done))
        return found

    async def _by_executor(self, after: int, limit: int) -> list[Event]:
        """The same through graphql-core: the rows by their read, each completed as the event of the subscription."""
        schema, document = self.operation.document.schema._schema, self.operation.document.ast
        context = copy.copy(self.context)
        context.reads = Reads(self.actor, self.pool.snapshot(self.actor.tenant_id), self.decrypt)
        found: list[Event] = []
        try:
            rows = await context.reads.rows(self.note.read, self.arguments | {"after": after}, limit, None, None)
            for row in rows:
                event = row if self.note.by is None else self._shown(row)
                made = execute(schema, document, event, context, self.variables, self.operation.name)
                result = await made if inspect.isawaitable(made) else made
                found.append(
                    (getattr(row, self.note.seq), encoded(result.data, result.errors or (), self.context.request_id))
                )
        finally:
            await context.reads.close()
        return found

    def _shown(self, row: Any) -> Any:
        return shown(row, self.note.by)
