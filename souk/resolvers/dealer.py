"""Dealers: who lists."""

from collections.abc import Iterator

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ..db.session import Transaction
from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, key
from ..models import Dealer, Listing, new_id
from ..permissions.dealer import ReadsDealerRecord, SeesDealer, SetsStanding
from ..rules import dealer as rules
from ..rules import text
from ..rules.enums import DealerKind, DealerStanding, DealerVerification, Described
from ..rules.errors import Problems
from . import contact
from .enums import known
from .filters import conditions, folded
from .writing import locked, move, permit


@known
class DealerOrder(Described):
    """The order of a list of dealers."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    NAME = "NAME", "By name."


DEALER_ORDER = {
    DealerOrder.NEWEST: Dealer.created_at.desc(),
    DealerOrder.OLDEST: Dealer.created_at.asc(),
    DealerOrder.NAME: Dealer.name.asc(),
}


@strawberry.input(description="Conditions on dealers; all must hold.")
class DealerFilter:
    kind: strawberry.Maybe[DealerKind] = strawberry.field(description="Of this kind.", default=None)
    verification: strawberry.Maybe[DealerVerification] = strawberry.field(
        description="In this state of verification; only among dealers whose record the viewer may read.", default=None
    )
    standing: strawberry.Maybe[DealerStanding] = strawberry.field(
        description="In this standing; only among dealers whose record the viewer may read.", default=None
    )
    city: strawberry.Maybe[str] = strawberry.field(description="In this city, whatever the case.", default=None)
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.kind:
            yield Dealer.kind == self.kind.value
        if self.verification:
            yield Dealer.verification == self.verification.value
        if self.standing:
            yield Dealer.standing == self.standing.value
        if self.verification or self.standing:
            yield ReadsDealerRecord().rows(viewer)
        if self.city:
            yield Dealer.city_key == folded(self.city.value)
        if self.updated_since:
            yield Dealer.updated_at >= self.updated_since.value


def dealers(
    viewer: Viewer, filter: DealerFilter | None = None, order_by: DealerOrder = DealerOrder.NEWEST
) -> Select[tuple[Dealer]]:
    """Dealers the viewer may see."""
    found = select(Dealer).where(SeesDealer().rows(viewer), *conditions(filter, viewer))
    return found.order_by(DEALER_ORDER[order_by])


def dealer(viewer: Viewer, id: strawberry.ID) -> Select[tuple[Dealer]]:
    """One dealer by its id."""
    return select(Dealer).where(Dealer.id == key(id, Dealer), SeesDealer().rows(viewer))


def dealer_of_listing(viewer: Viewer, listing: Listing) -> Select[tuple[Dealer]]:
    """Whose listing it is."""
    return select(Dealer).where(Dealer.id == listing.dealer_id, SeesDealer().rows(viewer))


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A new dealer.")
class DealerCreateInput:
    kind: DealerKind = strawberry.field(description="What kind of organisation it is.")
    name: str = strawberry.field(description="The name it trades under, at most 200 characters.")
    city: str | None = strawberry.field(default=None, description="The city it is in, at most 100 characters.")
    phone: str | None = strawberry.field(default=None, description="The phone number, with its country code.")
    email: str | None = strawberry.field(default=None, description="The e-mail address.")
    address: str | None = strawberry.field(default=None, description="The postal address, at most 500 characters.")
    tax_id: str | None = strawberry.field(default=None, description="The tax number, at most 50 characters.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def dealer_create(tx: Transaction, input: DealerCreateInput) -> Dealer:
    """Add a dealer. It begins unverified and in good standing."""
    card = _card(input.name, input.city, input.phone, input.email, input.address, input.tax_id)
    dealer = tx.add(
        Dealer(
            id=new_id(), kind=input.kind, verification="UNVERIFIED", standing="GOOD", notice=0, authorised=True, **card
        )
    )
    tx.emit("dealer.created", dealer, to_status="UNVERIFIED")
    return dealer


def _card(
    name: str, city: str | None, phone: str | None, email: str | None, address: str | None, tax_id: str | None
) -> dict[str, str | None]:
    """The columns of a card, every problem of it reported together."""
    problems = Problems()
    card = {
        "name": problems.take(lambda: text.line(name, 200), "name"),
        "city": problems.take(lambda: text.optional_line(city, 100), "city"),
        "phone": problems.take(lambda: contact.phone(phone) if phone else None, "phone"),
        "email": problems.take(lambda: contact.email(email) if email else None, "email"),
        "address": problems.take(lambda: text.optional_body(address, 500), "address"),
        "tax_id": problems.take(lambda: text.optional_line(tax_id, 50), "tax_id"),
    }
    problems.check()
    card["city_key"] = text.fold(card["city"]) if card["city"] else None
    return card


@strawberry.input(description="A dealer's standing, set by hand.")
class DealerSetStandingInput:
    id: strawberry.ID = strawberry.field(description="The dealer.")
    to: DealerStanding = strawberry.field(description="The standing it gets.")
    reason: str = strawberry.field(description="Why, at most 1,000 characters.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def dealer_set_standing(tx: Transaction, input: DealerSetStandingInput) -> Dealer:
    """Set a dealer's standing by hand, with a reason: GOOD to WATCH, WATCH to GOOD, WARNED or RESTRICTED to WATCH."""
    dealer = await locked(tx, Dealer, input.id, SeesDealer(), version=input.expected_version)
    await permit(tx, SetsStanding(), dealer)
    reason = text.line(input.reason, 1000, field="reason")
    rules.set_standing(dealer.standing, input.to, reason=reason)
    dealer.standing_reason = reason
    move(
        tx, dealer, input.to, "dealer.standing_changed",
        of="DealerStanding", column="standing", mutation="dealerSetStanding", reason=reason,
    )  # fmt: skip
    return dealer
