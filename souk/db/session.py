"""The write door: one transaction, with the tenant set, that audits itself and writes its events.

Reads have a door of their own (`engine.pool`), on raw connections without a session.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO, Protocol, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import Executable, event, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from ..models import FeatureFlag, Row, TenantModel, TenantSettings, new_id
from ..rules import flag as flag_rules
from ..rules.actor import NOWHERE, Actor, Caller, Role
from . import journal
from .agenda import Agenda
from .bulk import changed, insert_together, write_together
from .connect import DatabaseRole, Limits, bound, server_settings, sqlalchemy_url
from .journal import Change, Happened
from .refusals import Refusals
from .sealing import Keyring

R = TypeVar("R", bound=Row)
ACTING = "acting"
"""Where a session keeps which transaction's tenant it is in."""


class Files(Protocol):
    """Where the content of uploads and exports is kept."""

    async def put(self, tenant_id: UUID, file_id: UUID, chunks: AsyncIterable[bytes], *, limit: int) -> Any: ...

    def open(self, name: str) -> BinaryIO: ...

    async def remove(self, name: str) -> None: ...

    async def discard(self, tenant_id: UUID, file_id: UUID) -> None: ...


LIMITS = Limits(statement=5, lock=2, idle_in_transaction=5)
# A foreign key is checked by a plan that a connection makes once. Made while the table holds one page it is a scan of it,
# and stays so while a bulk writer fills the table. What a worker asks has an index.
PLANNED: dict[str, dict[str, str]] = {"souk_worker": {"enable_seqscan": "off"}}
TENANT = text(
    "SELECT set_config('souk.tenant_id', :tenant, true), set_config('souk.principal', :principal, true),"
    " set_config('souk.request_id', :request, true)"
)


@dataclass
class Transaction:
    """What a write is given: who acts and when, the session, and the words for what follows from it."""

    actor: Actor
    session: AsyncSession
    now: datetime
    op: str
    keyring: Keyring
    request_id: str | None = None
    system: bool = False
    files: Files | None = None
    caller: Caller = NOWHERE
    held_until: datetime | None = None
    events: list[Happened] = field(default_factory=list)
    changes: dict[UUID, Change] = field(default_factory=dict)
    audit_id: UUID | None = None
    named: Happened | None = None
    flags: dict[str, bool] = field(default_factory=dict)
    others: list["Transaction"] = field(default_factory=list)
    agenda: Agenda = field(default_factory=Agenda)
    looked_up: dict[Any, Any] = field(default_factory=dict)
    endings: "dict[Ending, None]" = field(default_factory=dict)
    _settings: TenantSettings | None = None
    _sent: asyncio.Task[Any] | None = None

    async def send(self, statement: Executable, values: dict[str, Any]) -> None:
        """Start a statement and come back while the database works at it, for what can be made ready meanwhile.

        Nothing else can be asked before `landed`, which raises what became of it; the ends of a savepoint and of the
        transaction wait for it too.
        """
        await self.landed()
        self._sent = asyncio.create_task(self.session.execute(statement, values))
        await asyncio.sleep(0)  # now it is on its way

    async def landed(self) -> None:
        """Wait for the statement that was sent, if there is one."""
        sent, self._sent = self._sent, None
        if sent is not None:
            await sent

    async def settings(self) -> TenantSettings:
        """The tenant's thresholds, read once."""
        if self._settings is None:
            found = await self.session.execute(select(TenantSettings).where(TenantSettings.current))
            self._settings = found.scalar_one()
        return self._settings

    async def flag(self, key: str) -> bool:
        """Whether a feature flag of the tenant is on for the actor; all are looked up once for the whole operation."""
        if not self.flags:
            found = (await self.session.execute(select(FeatureFlag))).scalars()
            self.flags[""] = False  # looked up, even where there is none
            for each in found:
                self.flags[each.key] = flag_rules.on(
                    key=each.key, enabled=each.enabled, roles=each.roles, percentage=each.percentage,
                    role=self.actor.role.value, principal=self.actor.principal_id,
                )  # fmt: skip
        return self.flags.get(key, False)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What an exception inside undoes, it also takes back from events and audit; the exception goes on."""
        events, changes, others = list(self.events), deepcopy(self.changes), list(self.others)
        entries = dict(self.agenda.entries)
        try:
            async with self.session.begin_nested():
                try:
                    yield
                finally:
                    await self.landed()
        except BaseException:
            self.events[:], self.others[:], self.agenda.entries = events, others, entries
            self.changes.clear()
            self.changes.update(changes)
            raise

    @asynccontextmanager
    async def elsewhere(self, actor: Actor) -> AsyncIterator["Transaction"]:
        """The same transaction where the person has another place: as `actor`, behind the wall of that tenant.

        What is emitted inside becomes events and one audit event of that tenant. The wall stays shut: inside there are
        that tenant's rows and no other's, afterwards this one's.
        """
        await self.session.flush()
        there = replace(
            self, actor=actor, events=[], changes={}, audit_id=None, named=None, flags={}, others=[], agenda=Agenda(),
            looked_up={}, endings={}, _settings=None,
        )  # fmt: skip
        self.others.append(there)
        await _enter(there)
        try:
            yield there
            await _ended(there)
            await self.session.flush()
        except BaseException:
            self.session.sync_session.info[ACTING] = self
            raise
        await _enter(self)

    def add(self, row: R) -> R:
        """A new row of this tenant: tenant and clock columns are filled in."""
        row.tenant_id = self.actor.tenant_id
        if row.created_at is None:
            row.created_at = self.now
        if isinstance(row, TenantModel):
            row.updated_at = self.now
        self.session.add(row)
        return row

    async def add_alike(self, model: type[Row], rows: Sequence[dict[str, Any]], event: str, **more: Any) -> list[UUID]:
        """Many new rows with the same columns, by one statement; each is audited and tells `event`, as for `add` and `emit`.

        For rows that nothing else of the transaction touches: no mapper knows them. Gives their ids.
        """
        ids: list[UUID] = [new_id() for _ in rows]
        common: dict[str, Any] = {"tenant_id": self.actor.tenant_id, "created_at": self.now}
        if issubclass(model, TenantModel):
            common |= {"updated_at": self.now, "version": 1}
        made = [{"id": id_} | common | row for id_, row in zip(ids, rows, strict=True)]
        for row in made:
            journal.note_made(model, row, self.changes, self.keyring.hash)
            self.events.append(Happened(event, model.__name__, row["id"], **more))
        if made:
            await self.session.flush()  # what they refer to may be new
            await insert_together(self.session, model, made)
        return ids

    def emit(
        self,
        type_: str,
        subject: Any,
        *,
        from_status: str | None = None,
        to_status: str | None = None,
        reason: str | None = None,
        internal: bool = False,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Something happened to `subject`; the audit event names the first one, unless the transaction is `about` another."""
        self.events.append(
            Happened(type_, type(subject).__name__, subject.id, from_status, to_status, reason, internal, data or {})
        )

    def before_commit(self, ending: "Ending") -> None:
        """Something follows from all that the transaction did: done once, at its end, however often it is asked for."""
        self.endings[ending] = None

    def about(self, row: Any) -> None:
        """The row that the audit event names, where the transaction touches many things for the sake of one."""
        self.named = Happened("", type(row).__name__, row.id)

    async def due(self, kind: str, ref: UUID, at: datetime) -> None:
        """Something is to be done about a row at a time; a later call moves it. Written at the end of the transaction."""
        self.agenda.entries[kind, ref] = at

    async def not_due(self, kind: str, ref: UUID) -> None:
        """Nothing is to be done about it any more."""
        self.agenda.entries[kind, ref] = None


class Database:
    """Where writes go. `role` is what each connection becomes when it opens; `files` keeps the content of uploads."""

    def __init__(
        self,
        url: str,
        keyring: Keyring,
        role: DatabaseRole = "souk_app",
        limits: Limits = LIMITS,
        *,
        size: int = 6,
        wait: float = 1.0,
        files: Files | None = None,
    ) -> None:
        self.role, self.keyring, self.files = role, keyring, files
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=size,
            max_overflow=0,
            pool_timeout=wait,
            pool_use_lifo=True,
            json_serializer=_json,
            json_deserializer=orjson.loads,
            connect_args={"server_settings": server_settings(role, limits, jit="off", **PLANNED.get(role, {}))},
        )
        bound(self.engine, limits)
        self.refusals = Refusals(self.engine)
        self.held_until: datetime | None = None  # until when no worker takes what becomes due by these transactions
        self.committed: list[Callable[[UUID, set[UUID]], None]] = []

    async def check(self) -> None:
        """Refuse to serve as somebody who sees through the wall. Raises RuntimeError."""
        async with self.engine.connect() as connection:
            found = await connection.execute(text(WATCHED))
            superuser, bypasses, owns = found.one()
        if superuser or bypasses or owns:
            raise RuntimeError(
                "The database role must neither be a superuser, nor bypass row security, nor own a table."
            )

    async def close(self) -> None:
        await self.refusals.settled()
        await self.engine.dispose()

    @property
    def busy(self) -> int:
        """Connections that are in a transaction."""
        return self.engine.pool.checkedout()  # type: ignore[attr-defined, no-any-return]

    async def look_again(self) -> None:
        """Have statistics made of the tables that a bulk writer fills, where they are still those of a small table.

        Without them a foreign key may be checked by the wrong index, longer with every row. Only as `souk_worker`.
        """
        async with self.engine.begin() as connection:
            await connection.execute(text("SELECT souk.look_again()"))

    async def fold_counts(self) -> int:
        """Have what the writes added to the kept counts gathered, in every tenant: one row per group. Only as `souk_worker`.

        Gives how many rows were gathered; none while another worker is at it.
        """
        async with self.engine.begin() as connection:
            gathered: int = (await connection.execute(text("SELECT souk.fold_counts()"))).scalar_one()
            return gathered

    @asynccontextmanager
    async def transaction(
        self,
        actor: Actor,
        op: str,
        *,
        now: datetime | None = None,
        request_id: str | None = None,
        system: bool = False,
        caller: Caller = NOWHERE,
        flags: dict[str, bool] | None = None,
    ) -> AsyncIterator[Transaction]:
        """One transaction of one tenant. What was emitted becomes events and exactly one audit event before the commit.

        A change without an event is a mistake of the caller and raises RuntimeError: nothing changes unseen. `flags` is
        where the transactions of one operation share what `Transaction.flag` found.
        """
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            tx = await self._opened(session, actor, op, now, request_id, system, caller, flags)
            try:
                yield tx
            finally:
                await tx.landed()
            await _written_down(tx)
        for each in (tx, *tx.others):
            if each.events:
                touched = {happened.subject_id for happened in each.events}
                for tell in self.committed:
                    tell(each.actor.tenant_id, touched)

    @asynccontextmanager
    async def rehearsal(
        self,
        actor: Actor,
        op: str,
        *,
        now: datetime | None = None,
        request_id: str | None = None,
        caller: Caller = NOWHERE,
    ) -> AsyncIterator[tuple[Transaction, Callable[[], Awaitable[None]]]]:
        """A transaction that never commits, and what checks in it all that a commit would.

        That writes events and audit like the real one and has the deferred constraints decide; it raises what they raise.
        """
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            await session.begin()
            try:
                tx = await self._opened(session, actor, op, now, request_id, False, caller, None)

                async def check() -> None:
                    await _written_down(tx)
                    await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))

                yield tx, check
            finally:
                await session.rollback()

    async def _opened(
        self,
        session: AsyncSession,
        actor: Actor,
        op: str,
        now: datetime | None,
        request_id: str | None,
        system: bool,
        caller: Caller,
        flags: dict[str, bool] | None,
    ) -> Transaction:
        at = now or datetime.now(UTC)
        tx = Transaction(actor, session, at, op, self.keyring, request_id, system, self.files, caller)
        tx.held_until = self.held_until
        tx.flags = tx.flags if flags is None else flags
        _watch(session.sync_session)
        await _enter(tx)
        return tx


Ending = Callable[[Transaction], Awaitable[None]]


async def _ended(tx: Transaction) -> None:
    while tx.endings:  # one may ask for another
        ending = next(iter(tx.endings))
        del tx.endings[ending]
        await ending(tx)


async def _enter(tx: Transaction) -> None:
    """From here on the session is in the tenant of `tx`, and what it flushes belongs to it."""
    tx.session.sync_session.info[ACTING] = tx
    principal = str(tx.actor.principal_id or "")
    await tx.session.execute(
        TENANT, {"tenant": str(tx.actor.tenant_id), "principal": principal, "request": tx.request_id or ""}
    )


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


async def _written_down(tx: Transaction) -> None:
    await _ended(tx)
    await tx.session.flush()
    # the heads in the order of their tenants: two who act in the same two would otherwise wait for each other
    for each in sorted((tx, *tx.others), key=lambda each: each.actor.tenant_id):
        if each.changes and not each.events:
            raise RuntimeError(f"{tx.op} changed {sorted(c.type for c in each.changes.values())} and emitted nothing.")
        if tx.others and each.events:
            await _enter(each)
        if each.agenda.entries:
            await each.agenda.write(tx.session, each.actor.tenant_id, each.held_until)
        if not each.events:
            continue
        await journal.write_events(tx.session, each.actor, each.events, tx.now)
        each.audit_id = await journal.write_audit(
            tx.session, each.actor, tx.op, each.named or each.events[0], each.changes, tx.now, tx.request_id, tx.system
        )
    if tx.others:
        await _enter(tx)


def system_actor(tenant_id: UUID) -> Actor:
    """Who acts when nobody asked: a timer, a worker. It sees everything of its tenant and is no person."""
    return Actor(tenant_id, Role.OWNER)


def _watch(session: Session) -> None:
    @event.listens_for(session, "before_flush")
    def note(flushing: Session, _context: Any, _instances: Any) -> None:
        tx: Transaction = flushing.info[ACTING]
        dirty = [(row, changed(row)) for row in flushing.dirty]
        for row, were in dirty:
            if were and isinstance(row, TenantModel):
                were.setdefault("updated_at", vars(row).get("updated_at"))
                row.updated_at = tx.now
        journal.note(flushing, dirty, tx.changes, tx.keyring.hash)
        write_together(flushing, dirty)


WATCHED = """
SELECT r.rolsuper, r.rolbypassrls,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relowner = r.oid AND c.relkind = 'r' AND n.nspname IN ('public', 'souk'))
FROM pg_roles r WHERE r.rolname = current_user
"""
