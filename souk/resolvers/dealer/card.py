"""A dealer's card: who it is and how to reach it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import strawberry

from ...db.session import Transaction
from ...models import Dealer, new_id
from ...permissions.dealer import CreatesDealer, EditsDealer, SeesDealer
from ...rules import text
from ...rules.enums import DealerKind, ExternalType
from ...rules.errors import Problems
from .. import contact
from ..external import NAMED, brought_in
from ..filters import ExternalIdInput
from ..writing import locked, permit

CARD: dict[str, Callable[[Any], str | None]] = {
    "name": lambda value: text.line(value, 200),
    "city": lambda value: text.optional_line(value, 100),
    "phone": lambda value: contact.phone(value) if value else None,
    "email": lambda value: contact.email(value) if value else None,
    "address": lambda value: text.optional_body(value, 500),
    "tax_id": lambda value: text.optional_line(value, 50),
}
"""Column → how what is typed becomes what is stored."""


def _card(given: dict[str, str | None]) -> dict[str, str | None]:
    """The columns of what is given. Raises InvalidInput with every problem of it."""
    problems = Problems()
    card = {name: problems.take(partial(CARD[name], value), name) for name, value in given.items()}
    problems.check()
    if "city" in card:
        card["city_key"] = text.fold(card["city"]) if card["city"] else None
    return card


@strawberry.input(description="A new dealer.")
class DealerCreateInput:
    kind: DealerKind = strawberry.field(description="What kind of organisation it is.")
    name: str = strawberry.field(description="The name it trades under, at most 200 characters.")
    city: str | None = strawberry.field(default=None, description="The city it is in, at most 100 characters.")
    phone: str | None = strawberry.field(default=None, description="The phone number, with its country code.")
    email: str | None = strawberry.field(default=None, description="The e-mail address.")
    address: str | None = strawberry.field(default=None, description="The postal address, at most 500 characters.")
    tax_id: str | None = strawberry.field(default=None, description="The tax number, at most 50 characters.")
    authorised: bool = strawberry.field(default=True, description="Whether the brand authorised it to sell.")
    external_id: ExternalIdInput | None = strawberry.field(default=None, description=NAMED)
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def dealer_create(tx: Transaction, input: DealerCreateInput) -> Dealer:
    """Add a dealer. It begins unverified and in good standing."""
    await permit(tx, CreatesDealer(), None)
    given = {name: getattr(input, name) for name in CARD}
    dealer = tx.add(
        Dealer(
            id=new_id(),
            kind=input.kind,
            verification="UNVERIFIED",
            standing="GOOD",
            notice=0,
            authorised=input.authorised,
            **_card(given),
        )
    )
    tx.emit("dealer.created", dealer, to_status="UNVERIFIED")
    await brought_in(tx, ExternalType.DEALER, dealer, input.external_id)
    return dealer


@strawberry.input(description="Changes of a dealer's card; what is left out stays.")
class DealerUpdateInput:
    id: strawberry.ID = strawberry.field(description="The dealer.")
    expected_version: int = strawberry.field(description="The version that was read.")
    name: strawberry.Maybe[str] = strawberry.field(description="The name it trades under, at most 200 characters.")
    city: strawberry.Maybe[str | None] = strawberry.field(description="The city it is in; null takes it away.")
    phone: strawberry.Maybe[str | None] = strawberry.field(
        description="The phone number, with its country code; null takes it away."
    )
    email: strawberry.Maybe[str | None] = strawberry.field(description="The e-mail address; null takes it away.")
    address: strawberry.Maybe[str | None] = strawberry.field(
        description="The postal address, at most 500 characters; null takes it away."
    )
    tax_id: strawberry.Maybe[str | None] = strawberry.field(
        description="The tax number, at most 50 characters; null takes it away."
    )
    authorised: strawberry.Maybe[bool] = strawberry.field(
        description="Whether the brand authorised it to sell; staff and integrations say so, never the dealer."
    )


async def dealer_update(tx: Transaction, input: DealerUpdateInput) -> Dealer:
    """Change a dealer's card: staff any dealer's, a dealer its own."""
    dealer = await locked(tx, Dealer, input.id, SeesDealer(), version=input.expected_version)
    await permit(tx, EditsDealer(), dealer)
    if input.authorised is not None:
        await permit(tx, CreatesDealer(), dealer)
        dealer.authorised = input.authorised.value
    given = {name: getattr(input, name) for name in CARD}
    card = _card({name: maybe.value for name, maybe in given.items() if maybe is not None})
    for name, value in card.items():
        setattr(dealer, name, value)
    tx.emit("dealer.updated", dealer)
    return dealer
