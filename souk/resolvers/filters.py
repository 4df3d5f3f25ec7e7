"""What every filter is made of: each condition that is present becomes one clause, all must hold."""

from collections.abc import Collection, Iterator
from typing import Any, Protocol
from uuid import UUID

import strawberry
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    select,
)

from ..engine.errors import BadUserInput
from ..engine.symbols import BadInput, GlobalId, Viewer, derived, getter, is_symbol, key, symbol
from ..models import ExternalRef
from ..rules.enums import ExternalType
from ..rules.errors import Refused
from ..rules.money import parse_amount
from ..rules.text import fold
from .money import MoneyInput


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


def during(column: Any, since: Any, before: Any) -> Iterator[ColumnElement[bool]]:
    """At or after one moment and before another, as far as they are given."""
    if since:
        yield column >= since.value
    if before:
        yield column < before.value


def refers_to(column: Any, id: Any, model: type) -> ColumnElement[bool]:
    """Whether a column holds this row's key; an id of another type is no row's (and never `IS NULL`)."""
    found = key(id, model)
    return false() if found is None else column == found


def any_of(column: Any, ids: Collection[UUID | None]) -> ColumnElement[bool]:
    """One of these ids, as one parameter however many they are: a list in brackets is spelled anew for each length."""
    return column == any_(bindparam(None, list(ids), type_=ARRAY(Uuid())))  # type: ignore[no-any-return]


def refers_or_not(column: Any, id: Any, model: type) -> ColumnElement[bool]:
    """`refers_to`, or whether a column holds nothing where null is asked for."""
    nothing: ColumnElement[bool] = column.is_(None)
    return nothing if id is None else refers_to(column, id, model)


@strawberry.input(description="The id that another system gives to one of our rows.")
class ExternalIdInput:
    source: str = strawberry.field(description="The other system.")
    external_id: str = strawberry.field(description="The id over there.")


def named_elsewhere(model: Any, type_: ExternalType, given: ExternalIdInput) -> ColumnElement[bool]:
    """The row that another system names so."""
    found = select(ExternalRef.subject_id).where(
        ExternalRef.tenant_id == model.tenant_id,
        ExternalRef.source == given.source,
        ExternalRef.type == type_,
        ExternalRef.external_id == given.external_id,
    )
    clause: ColumnElement[bool] = model.id == found.scalar_subquery()
    return clause


def minor_of(given: MoneyInput) -> Any:
    """The minor units of an amount in a filter; a symbol when amount or currency is one. Raises BadUserInput."""
    amount, currency = given.amount, given.currency_code
    if not (is_symbol(amount) or is_symbol(currency)):
        try:
            return parse_amount(amount, currency)
        except Refused as error:
            raise BadUserInput(error.message) from error

    def found(actor: Any, variables: dict[str, Any]) -> int:
        texts = [getter(each)(actor, variables) if is_symbol(each) else each for each in (amount, currency)]
        try:
            return parse_amount(*texts)
        except Refused as error:
            raise BadInput(error.message) from error

    return symbol(BigInteger(), found)


def encoded(id: GlobalId) -> ColumnElement[Any]:
    """A global id, made where its row is read."""
    text = func.concat(literal_column(f"'{id.type_name}:'"), cast(id.row_id, Text), type_=Text())
    return func.translate(func.encode(func.convert_to(text, "UTF8"), "base64"), "\n", "", type_=Text())
