"""The rows of an export: what its creator may read of a list, in slices, each in the order in which the rows were made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Select, Uuid, func, literal, or_, select, tuple_

from ...db.session import Transaction
from ...engine.scalars import read_time, write_time
from ...engine.symbols import Viewer
from ...models import Batch, Export
from ...permissions.roles import MATRIX
from ...rules.actor import Actor
from ...rules.enums import BatchKind, ListName
from ...rules.export import SLICE
from ..kinds import KINDS, acting
from ..lists import LISTS
from .cells import Field, cells_of, shown
from .columns import fields_of
from .filters import filter_of


class Place(NamedTuple):
    """A row's place in the order."""

    at: datetime
    id: UUID

    @classmethod
    def of(cls, kept: Sequence[str] | None) -> Self | None:
        return None if kept is None else cls(read_time(kept[0]), UUID(kept[1]))

    def kept(self) -> list[str]:
        """The same as JSON."""
        return [write_time(self.at), str(self.id)]

    def clause(self) -> Any:
        return tuple_(literal(self.at, DateTime(timezone=True)), literal(self.id, Uuid()))


def own_only(actor: Actor) -> bool:
    """Whether the matrix lets the actor export no more than what is its own."""
    facts = actor.facts
    return MATRIX["batch:export"].cells[facts.role].letter == "O" or facts.of_dealer


def rows_of(viewer: Viewer, actor: Actor, list_name: ListName, filter: Any) -> Select[Any]:
    """The rows of a list that the actor may export, in no order."""
    listed = LISTS[list_name]
    found = listed.read(viewer, filter=filter).where(listed.model.tenant_id == actor.tenant_id).order_by(None)
    return found.where(listed.own(viewer)) if own_only(actor) else found


async def counted(tx: Transaction, actor: Actor, list_name: ListName, filter: Any, most: int) -> int:
    """How many rows they are now; beyond `most` it is not counted on."""
    found = rows_of(Viewer.of(actor), actor, list_name, filter)
    few = found.with_only_columns(LISTS[list_name].model.id, maintain_column_froms=True).limit(most).subquery()
    number: int = (await tx.session.execute(select(func.count()).select_from(few))).scalar_one()
    return number


class Reader:
    """An export as its creator may read it today."""

    def __init__(self, export: Export, actor: Actor, fields: list[Field], until: datetime) -> None:
        self.export, self.actor, self.fields, self.until = export, actor, fields, until
        self.list_name = ListName[export.list_name]
        self.filter = filter_of(self.list_name, export.filter)
        self.model = LISTS[self.list_name].model

    async def ends(self, tx: Transaction, after: Place | None, slices: int) -> list[Place]:
        """The last places of the next slices, at most so many; the last slice may be a short one."""
        order = (self.model.created_at, self.model.id)
        inner = self._rows(Viewer.of(self.actor), after, None).with_only_columns(*order, maintain_column_froms=True)
        some = inner.order_by(*order).limit(slices * SLICE).subquery()
        by = (some.c.created_at, some.c.id)
        n, total = func.row_number().over(order_by=by), func.count().over()
        numbered = select(*by, n.label("n"), total.label("total")).subquery()
        last = or_(numbered.c.n % SLICE == 0, numbered.c.n == numbered.c.total)
        asked = select(numbered.c.created_at, numbered.c.id).where(last).order_by(numbered.c.n)
        return [Place(*row) for row in await tx.session.execute(asked)]

    async def rows(self, tx: Transaction, after: Place | None, upto: Place) -> list[list[Any]]:
        """The rows after one place up to another, as cells."""
        viewer = Viewer.of(self.actor)
        values = [value for field in self.fields for value in field.asked(viewer)]
        named = [value.label(f"v{n}") for n, value in enumerate(values)]
        found = self._rows(viewer, after, upto).with_only_columns(*named, maintain_column_froms=True)
        rows = await tx.session.execute(found.order_by(self.model.created_at, self.model.id))
        cells = cells_of(self.fields)
        return [shown(cells, row) for row in rows]

    def _rows(self, viewer: Viewer, after: Place | None, upto: Place | None) -> Select[Any]:
        found = rows_of(viewer, self.actor, self.list_name, self.filter)
        place: Any = tuple_(self.model.created_at, self.model.id)
        between: list[ColumnElement[bool]] = [self.model.created_at <= self.until]
        if after is not None:
            between.append(place > after.clause())
        if upto is not None:
            between.append(place <= upto.clause())
        return found.where(*between)


async def reader_of(tx: Transaction, batch: Batch, export: Export) -> Reader | None:
    """The export for whoever asked for it; None where they have lost the role, the list, or one of the columns."""
    list_name = ListName[export.list_name]
    for actor in await acting(tx, batch):
        same = actor.role == export.role and actor.dealer_id == export.dealer_id
        if not same or not KINDS[BatchKind.EXPORT].permits(actor, actor.dealer_id):
            continue
        viewer, fields = Viewer.of(actor), fields_of(list_name, export.columns)
        if LISTS[list_name].gate.admits(actor.facts) and all(each.readable(viewer) for each in fields):
            return Reader(export, actor, fields, batch.created_at)
    return None
