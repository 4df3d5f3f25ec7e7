"""The executor's road: nested reads of sibling rows are gathered and answered by one LATERAL statement for all parents."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiodataloader import DataLoader
from sqlalchemy import ARRAY, Select, Uuid, select

from ..db.sealing import place
from ..rules.actor import Actor
from .errors import Unavailable
from .guards import Guard
from .paging import COUNTED, Order, Window, refused, split
from .rows import Parent, RowType, Shown, bare, rows_of
from .sql import Parameters, Scope, Source, rows_only
from .symbols import BadInput, Viewer, symbol

ENFORCE_TENANT = True
ROW, PAGE, COUNT, LIST = "row", "page", "count", "list"


class Door(Protocol):
    """One snapshot of the database, opened when the first statement needs it."""

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Any]: ...

    async def close(self) -> None: ...


class By(Protocol):
    """Says as which type a row is shown; None if as none."""

    def type_of(self, row: Any) -> str | None: ...


def asked(read: Callable[..., Select[Any]], viewer: Any, parent: Any, arguments: dict[str, Any]) -> Select[Any]:
    """The read's Select, with the tenant named for the index's sake (the policy is the wall)."""
    found = read(viewer, **arguments) if parent is None else read(viewer, parent, **arguments)
    if not ENFORCE_TENANT:
        return found
    source = Source(found)
    if source.model:
        return (
            found.where(source.entity.tenant_id == viewer.tenant_id) if hasattr(source.entity, "tenant_id") else found
        )
    return found.where(
        *(
            table.c.tenant_id == viewer.tenant_id
            for table in found.get_final_froms()
            if "tenant_id" in getattr(table, "c", ())
        )
    )


def shown(row: Any, by: By | None) -> Any:
    if row is None or by is None:
        return row
    as_type = by.type_of(row)
    return Shown(row, as_type) if as_type else None


class Reads:
    """The reads of one operation, over one snapshot with the tenant set."""

    def __init__(self, actor: Actor, door: Door, decrypt: Callable[[bytes, bytes], str | None] | None = None) -> None:
        self.actor, self.viewer, self.door, self.decrypt = actor, Viewer(actor.facts), door, decrypt
        self.statements = 0
        self._batches: dict[Any, Batch] = {}
        self._asked: dict[Any, Asked] = {}
        self._one_at_a_time, self._closed = asyncio.Lock(), False

    def one(self, read: Any, arguments: dict[str, Any], parent: Any = None, shown: By | None = None) -> Any:
        """The row of a read, or None."""
        found = self.batch(read, arguments, None, ROW, parent).load(parent)
        return _shown_row(found, shown) if shown else found

    def many(self, read: Any, arguments: dict[str, Any], parent: Any = None, shown: By | None = None) -> "Page":
        """A page of the read, which reads its rows when somebody wants them."""
        arguments, window = split(arguments)
        try:
            _ = window.size
        except BadInput as error:
            raise refused(error) from error
        return Page(self, read, arguments, window, parent, shown)

    def rows(
        self, read: Any, arguments: dict[str, Any], limit: int, parent: Any = None, shown: By | None = None
    ) -> Any:
        """The first `limit` rows of the read, in its order."""
        found = self.batch(read, arguments, limit, LIST, parent).load(parent)
        return _shown_rows(found, shown) if shown else found

    def batch(
        self, read: Any, arguments: dict[str, Any], window: Window | int | None, what: str, parent: Any
    ) -> "Batch":
        parent = bare(parent)
        key = (read, repr(arguments), window, what, parent and parent.row_type)
        if key not in self._batches:
            self._batches[key] = Batch(self, read, arguments, window, what)
        return self._batches[key]

    def allowed(self, guard: Guard, row: Any) -> Any:
        """Whether the actor may, per row: at once, or by one statement for all rows when only SQL knows."""
        row = bare(row)
        return guard.allows(self.actor, row) if guard.in_python else self._ask(guard, guard.rows, row)

    def expression(self, sql: Callable[[Any, Any], Any], row: Any) -> Any:
        """A value that only SQL can compute, by one statement for all rows."""
        row = bare(row)
        return self._ask(sql, lambda viewer: sql(viewer, row.row_type.model), row)

    def _ask(self, key: Any, clause: Callable[[Any], Any], row: Any) -> Any:
        found = self._asked.setdefault((key, row.row_type), Asked(self, row.row_type, clause))
        return asyncio.shield(found.loader.load(row.id))

    def opened(self, row: Any, column: str, data: bytes) -> str | None:
        """The text of a ciphertext, bound to its place: tenant, table, column, row."""
        if self.decrypt is None:
            raise Unavailable("The keys are not at hand.")
        row = bare(row)
        return self.decrypt(data, place(row.tenant_id, row.row_type.model.__tablename__, column, row.id))

    def payload(self, type_name: str, row_id: Any, info: Any) -> Any:
        """The entity of a mutation's payload; only the reads of a mutation have one."""
        raise TypeError("A payload belongs to a mutation.")

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        async with self._one_at_a_time:
            if self._closed:
                return []  # answered already; nobody waits for these rows
            self.statements += 1
            running = asyncio.ensure_future(self.door.fetch(sql, values))
            try:
                return await asyncio.shield(running)
            finally:
                if not running.done():  # cancelled: the connection is busy until the statement ends
                    await asyncio.wait([running])

    async def close(self) -> None:
        """Wait for what still runs: graphql-core answers without waiting for fields whose parent became null."""
        self._closed = True
        async with self._one_at_a_time:
            await self.door.close()

    async def again(self) -> None:
        """Forget what was read and let the next statement see the present: a mutation came between."""
        async with self._one_at_a_time:
            self._batches.clear()
            self._asked.clear()
            await self.door.close()


async def _shown_row(found: Any, by: By) -> Any:
    return shown(await found, by)


async def _shown_rows(found: Any, by: By) -> list[Any]:
    return [shown(row, by) for row in await found]


class Asked:
    """A question about rows that only SQL answers: one statement for all of them."""

    def __init__(self, reads: Reads, row_type: RowType, clause: Callable[[Any], Any]) -> None:
        self.reads, self.row_type, self.clause = reads, row_type, clause
        self.loader: DataLoader[Any, Any] = DataLoader(self._answer)

    async def _answer(self, ids: list[Any]) -> list[Any]:
        parameters, model, viewer = Parameters(constants=False), self.row_type.model, self.reads.viewer
        wanted = symbol(ARRAY(Uuid()), lambda *_: ids)
        found = select(model.id, self.clause(viewer).label("answer")).where(
            model.id == wanted.any_(), model.tenant_id == viewer.tenant_id
        )
        records = await self.reads.fetch(parameters.render(found), parameters.bind(self.reads.actor, {}))
        answers = {record[0]: record[1] for record in records}
        return [answers.get(each) for each in ids]


class Batch:
    """One read with one set of arguments, for every parent that asks: one row, a page, a list, or a count."""

    def __init__(
        self, reads: Reads, read: Any, arguments: dict[str, Any], window: Window | int | None, what: str
    ) -> None:
        self.reads, self.read, self.arguments, self.window, self.what = reads, read, arguments, window, what
        self.parent: Parent | None = None
        self.order: Order
        self.loader: DataLoader[Any, Any] = DataLoader(self._answer)

    def load(self, parent: Any) -> Any:
        """Shielded: graphql-core cancels siblings of a field that failed, and the row may be wanted elsewhere too."""
        wanted = asyncio.shield(self.loader.load(self._key(bare(parent))))
        wanted.add_done_callback(_seen)
        return wanted

    def _key(self, parent: Any) -> tuple[Any, ...]:
        if parent is None:
            return ()
        if self.parent is None:
            self.parent = Parent(parent.row_type)
            asked(self.read, self.reads.viewer, self.parent, self.arguments)  # notes the columns it needs
        return tuple(getattr(parent, name) for name in self.parent.names)

    async def _answer(self, keys: list[Any]) -> list[Any]:
        parameters = Parameters(constants=False)
        select_ = asked(self.read, self.reads.viewer, self.parent, self.arguments)
        scope, order = Scope("t", select_, parameters), ""
        for name in scope.source.names:
            scope.column(name)
        match self.what, self.window:
            case "count", _:
                inner = f"(SELECT count(*) FROM ({parameters.render(rows_only(select_))} LIMIT {COUNTED}) c) t"
            case "page", Window() as window:
                self.order = Order(select_)
                try:
                    select_ = window.of(select_, self.order)
                except BadInput as error:
                    raise refused(error) from error
                inner, order = scope.rows(select_, f" LIMIT {window.size + 1}"), self.order.text("t", window.backward)
            case "list", int() as limit:
                listed = Order(select_, paged=False)
                inner, order = (
                    scope.rows(select_.order_by(None).order_by(*listed.by()), f" LIMIT {limit}"),
                    listed.text("t"),
                )
            case _:
                inner = scope.rows()
        records = await self.reads.fetch(
            self._statement(keys, parameters, inner, order), parameters.bind(self.reads.actor, {})
        )
        found: list[list[Any]] = [[] for _ in keys]
        make: Any = (lambda values: values[0]) if self.what == COUNT else rows_of(scope.source)
        for at, *values in records:
            found[at - 1].append(make(values))
        return found if self.what in (PAGE, LIST) else [rows[0] if rows else None for rows in found]

    def _statement(self, keys: list[Any], parameters: Parameters, inner: str, order: str) -> str:
        if self.parent is None or not self.parent.names:
            assert len(keys) == 1
            return f"SELECT 1, t.* FROM {inner}{order and ' ORDER BY ' + order}"
        arrays = [
            parameters.render(symbol(ARRAY(type_), _column(keys, at))) for at, type_ in enumerate(self.parent.types)
        ]
        names = ", ".join(f'"{name}"' for name in self.parent.names)
        source = f"unnest({', '.join(arrays)}) WITH ORDINALITY AS parent({names}, parent_at) CROSS JOIN LATERAL {inner}"
        return f"SELECT parent.parent_at, t.* FROM {source} ORDER BY parent.parent_at{order and ', ' + order}"


def _column(keys: list[Any], at: int) -> Callable[..., list[Any]]:
    return lambda *_: [key[at] for key in keys]


class Page:
    """A page that was asked for; its rows are read when somebody wants them."""

    def __init__(
        self, reads: Reads, read: Any, arguments: dict[str, Any], window: Window, parent: Any, by: By | None
    ) -> None:
        self.reads, self.read, self.arguments, self.window, self.parent, self.by = (
            reads,
            read,
            arguments,
            window,
            parent,
            by,
        )
        self.has_more = False
        self.order: Order

    async def rows(self) -> list[Any]:
        """The rows as they are; `shown` gives each the type it is shown as."""
        batch = self.reads.batch(self.read, self.arguments, self.window, PAGE, self.parent)
        rows: list[Any] = await batch.load(self.parent)
        self.order = batch.order
        self.has_more = len(rows) > self.window.size
        found = rows[: self.window.size]
        return found[::-1] if self.window.backward else found

    def shown(self, row: Any) -> Any:
        return shown(row, self.by)

    async def total(self) -> int:
        found: int = await self.reads.batch(self.read, self.arguments, None, COUNT, self.parent).load(self.parent)
        return found


def _seen(wanted: "asyncio.Future[Any]") -> None:
    """An error that nobody asks about any more, because another field has failed first, is no error of the program's."""
    if not wanted.cancelled():
        wanted.exception()
