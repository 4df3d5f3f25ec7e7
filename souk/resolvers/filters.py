"""What every filter is made of: each condition that is present becomes one clause, all must hold."""

from collections.abc import Iterator
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Text, false

from ..engine.symbols import Viewer, derived, is_symbol, key
from ..rules.text import fold


class Filter(Protocol):
    """An input whose fields are conditions."""

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]: ...


def conditions(filter: Filter | None, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
    """The clauses of a filter; none without one. A condition on a guarded field also asks its permission."""
    return filter.conditions(viewer) if filter else iter(())


def folded(value: Any) -> Any:
    """A text of a filter under its case-folded key; it may be a symbol."""
    return derived(value, Text(), fold) if is_symbol(value) else fold(value)


def given(field: Any) -> bool:
    """Whether a field of an input was given and not null."""
    return field is not None and field.value is not None


def refers_to(column: Any, id: Any, model: type) -> ColumnElement[bool]:
    """The column holds the row with this global id; an id of another type is no row's (and never IS NULL)."""
    row_id = key(id, model)
    if row_id is None:
        return false()
    made: ColumnElement[bool] = column == row_id
    return made
