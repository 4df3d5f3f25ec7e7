"""Counts that the writes keep, added up in place of counting: where a list is narrowed by nothing but what they are kept by."""

from typing import Any

from sqlalchemy import BindParameter, Column, Select, func, literal_column, not_, select
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BooleanClauseList,
    ClauseList,
    CollectionAggregate,
    False_,
    Grouping,
    Null,
    True_,
    UnaryExpression,
)

from ..models import KeptCount
from ..models.counts import KEPT
from .paging import COUNTED
from .sql import Parameters, Source

GROUPS = KeptCount.__table__.c
# of what a condition may be made that is the same for all rows of a group; a function or another table is not among it
PARTS = (
    BinaryExpression, BindParameter, BooleanClauseList, ClauseList, CollectionAggregate, False_, Grouping, Null, True_,
    UnaryExpression,
)  # fmt: skip
_on = True


def use(on: bool) -> None:
    """Whether counts are taken from what is kept (`SOUK_COUNTERS`); for plans that are made from now on."""
    global _on
    _on = on


class _Other(Exception):
    """Something that the groups do not know."""


def kept(read: Select[Any], *keys: Any) -> Select[Any] | None:
    """How many rows a read gives, as `n`, from what is kept; None where they have to be counted.

    With `keys`, columns of its model, once for each of their values, as the columns `key`, and not where there are none;
    without, one row, whose `n` may be null for none.
    """
    model = Source(read).entity
    if not _on or model not in KEPT or not _plain(read, model.__tablename__):
        return None
    clause = read.whereclause
    try:
        by = [_moved(key.__clause_element__(), model) for key in keys]
        where = () if clause is None else (_moved(clause, model),)
    except _Other:
        return None
    n = func.sum(GROUPS.n)
    subject: Any = literal_column(f"'{model.__tablename__}'")
    found = select(*(key.label("key") for key in by), n.label("n")).where(GROUPS.subject == subject, *where)
    return found.group_by(*by).having(n != 0) if by else found


def total(read: Select[Any], parameters: Parameters) -> str | None:
    """The text of `totalCount`, at most 10,001; None where rows have to be counted."""
    found = kept(read)
    return None if found is None else f"least(coalesce(({parameters.render(found)}), 0), {COUNTED})"


def _plain(read: Select[Any], table: str) -> bool:
    """Whether a read selects rows of one table and does nothing with them but choose and order."""
    froms = read.get_final_froms()
    changed = (read._group_by_clauses, read._having_criteria, read._distinct, read._limit_clause, read._offset_clause)
    return (
        len(froms) == 1
        and getattr(froms[0], "name", None) == table
        and not any(each is not None and each is not False and each != () for each in changed)
    )


def _moved(clause: Any, model: Any) -> Any:
    """The same condition on groups. Raises _Other."""

    def group(element: Any, **_: Any) -> Any:
        if isinstance(element, BinaryExpression) and _name(element.left, model) == "deleted_at":
            match element.operator, element.right:
                case operators.is_, Null():
                    return not_(GROUPS.removed)
                case operators.is_not, Null():
                    return GROUPS.removed
        if isinstance(element, Column):
            name = _name(element, model)
            if name == "deleted_at" or name not in KEPT[model]:
                raise _Other
            return GROUPS[name]
        if not isinstance(element, PARTS):
            raise _Other
        return None

    made = visitors.replacement_traverse(clause, {}, group)
    # what the traversal leaves alone would speak of a table that is not in sight
    if any(isinstance(each, Column) and each.table is not KeptCount.__table__ for each in visitors.iterate(made)):
        raise _Other
    return made


def _name(element: Any, model: Any) -> str | None:
    """The column of the model's table that an element is."""
    own = isinstance(element, Column) and getattr(element.table, "name", None) == model.__tablename__
    return str(element.key) if own else None
