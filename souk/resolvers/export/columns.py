"""What a list looks like as a table: for each field its cells, who may read it, and how a value is shown.

A field has the name and the guard it has in the schema. Sealed texts (the contact of a lead, a registration number) are
left out: what opens one is somebody's act on one row, which the record of access keeps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, null, select
from sqlalchemy.sql.elements import False_

from ...engine.scalars import write_time
from ...engine.symbols import Viewer, write_id
from ...models import Alert, Batch, Dealer, Lead, Listing, Offer, Sku, Task, Ticket, User, VehicleDetail
from ...permissions.base import Permission
from ...permissions.dealer import OpensDealer, ReadsDealerRecord, SeesDealer
from ...permissions.listing import ReadsPrivate, ReadsUnpublished, SeesListing
from ...permissions.sku import SeesSku
from ...permissions.task import ReadsTaskNote
from ...permissions.ticket import OpensTicket, ReadsInternal
from ...permissions.user import SeesUser
from ...rules.enums import ListName
from ...rules.money import format_amount
from ..impact import at_risk

Value = Callable[[Viewer], Any]


@dataclass(frozen=True)
class Cell:
    """One column of the file. `values` are what is asked of the database, `shown` makes the cell of them where the first

    is not null; with `number` what it makes is a number, exact as text.
    """

    heading: str
    values: tuple[Value, ...]
    shown: Callable[..., Any]
    number: bool = False


@dataclass(frozen=True)
class Field:
    """A field by its name in the schema, in one cell or two. `guard` says whose value is shown, `gate` who asks at all."""

    name: str
    cells: tuple[Cell, ...]
    guard: Permission[Any] | None = None
    gate: Permission[Any] | None = None

    def readable(self, viewer: Viewer) -> bool:
        """Whether there is a row at all whose value the role may read."""
        if self.gate is not None and not self.gate.admits(viewer.facts):
            return False
        return self.guard is None or not isinstance(self.guard.rows(viewer), False_)

    def asked(self, viewer: Viewer) -> list[ColumnElement[Any]]:
        """The values of its cells, null where the viewer may not read them."""
        found = [value(viewer) for cell in self.cells for value in cell.values]
        if self.guard is None:
            return found
        allowed = self.guard.rows(viewer)
        return [case((allowed, value), else_=null()) for value in found]


def _same(value: Any) -> Any:
    return value


def _of(attribute: Any) -> Value:
    return lambda _viewer: attribute


def _plain(name: str, attribute: Any, guard: Permission[Any] | None = None, **more: Any) -> Field:
    return Field(name, (Cell(name, (_of(attribute),), _same, **more),), guard)


def _number(name: str, attribute: Any, guard: Permission[Any] | None = None) -> Field:
    return _plain(name, attribute, guard, number=True)


def _time(name: str, attribute: Any, guard: Permission[Any] | None = None) -> Field:
    return Field(name, (Cell(name, (_of(attribute),), write_time),), guard)


def _money(name: str, minor: Any, currency: Any, guard: Permission[Any] | None = None) -> Field:
    """An exact decimal, and its currency beside it."""
    return _amount(name, _of(minor), _of(currency), guard)


def _amount(name: str, minor: Value, currency: Value, guard: Permission[Any] | None = None) -> Field:
    given = (minor, currency)
    code = Cell(f"{name}Currency", given, lambda _minor, code: code)
    return Field(name, (Cell(name, given, format_amount, number=True), code), guard)


def _id(model: Any) -> Field:
    return Field("id", (Cell("id", (_of(model.id),), _global(model)),))


def _global(model: Any) -> Callable[[Any], Any]:
    return lambda row_id: write_id(model.__name__, row_id)


def _one(
    name: str, model: Any, key: Any, sees: Permission[Any], gate: Permission[Any] | None = None, text: str | None = None
) -> Field:
    """Another row, as far as the viewer sees it: its id and a text of it."""

    def value(column: Any) -> Value:
        def asked(viewer: Viewer) -> Any:
            there: Select[Any] = select(column).where(model.tenant_id == key.class_.tenant_id, model.id == key)
            return there.where(sees.rows(viewer)).scalar_subquery()

        return asked

    cells = [Cell(f"{name}Id", (value(model.id),), _global(model))]
    if text is not None:
        cells.append(Cell(f"{name}{text.capitalize()}", (value(getattr(model, text)),), _same))
    return Field(name, tuple(cells), gate=gate)


def _dealer(name: str, key: Any) -> Field:
    return _one(name, Dealer, key, SeesDealer(), text="name")


def _sku(key: Any) -> Field:
    return _one("sku", Sku, key, SeesSku(), SeesSku(), "code")


def _user(name: str, key: Any) -> Field:
    return _one(name, User, key, SeesUser())


def _vehicle(name: str, **more: Any) -> Field:
    """What only a vehicle has."""
    same = (VehicleDetail.tenant_id == Listing.tenant_id, VehicleDetail.id == Listing.id)
    found = select(getattr(VehicleDetail, name)).where(*same).scalar_subquery()
    return Field(f"vehicle.{name}", (Cell(f"vehicle.{name}", (_of(found),), _same, **more),))


def _clock(model: Any) -> tuple[Field, ...]:
    return (
        _time("createdAt", model.created_at),
        _time("updatedAt", model.updated_at),
        _number("version", model.version),
    )


def _tenths(value: int) -> str:
    return f"{value // 10}.{value % 10}"


FIELDS: dict[ListName, tuple[Field, ...]] = {
    ListName.ALERTS: (
        _id(Alert),
        _plain("kind", Alert.kind),
        _plain("status", Alert.status),
        _plain("severity", Alert.severity),
        Field("score", (Cell("score", (_of(Alert.score_tenths),), _tenths, number=True),)),
        _number("cycle", Alert.cycle),
        _dealer("dealer", Alert.dealer_id),
        _sku(Alert.sku_id),
        _money("price", Alert.price_minor, Alert.currency),
        _money("limit", Alert.policy_minor, Alert.currency),
        _amount("atRisk", at_risk, _of(Alert.currency)),
        _plain("dismissReason", Alert.dismiss_reason),
        _plain("resolution", Alert.resolution),
        _time("firstSeenAt", Alert.first_seen_at),
        _time("lastSeenAt", Alert.last_seen_at),
        _time("noticeSentAt", Alert.notice_sent_at),
        _time("cureDueAt", Alert.cure_due_at),
        _time("snoozedUntil", Alert.snoozed_until),
        _time("resolvedAt", Alert.resolved_at),
        _time("dismissedAt", Alert.dismissed_at),
        *_clock(Alert),
    ),
    ListName.BATCHES: (
        _id(Batch),
        _plain("kind", Batch.kind),
        _plain("status", Batch.status),
        _plain("statusReason", Batch.status_reason),
        _plain("title", Batch.title),
        *(
            Field(f"counts.{name}", (Cell(f"counts.{name}", (_of(getattr(Batch, name)),), _same, number=True),))
            for name in ("total", "succeeded", "failed", "dead", "skipped", "cancelled", "compensated")
        ),
        _user("creator", Batch.creator_id),
        _user("approver", Batch.approver_id),
        _dealer("dealer", Batch.dealer_id),
        _time("startedAt", Batch.started_at),
        _time("endedAt", Batch.ended_at),
        *_clock(Batch),
    ),
    ListName.DEALERS: (
        _id(Dealer),
        _plain("kind", Dealer.kind),
        _plain("name", Dealer.name),
        _plain("city", Dealer.city),
        _plain("taxId", Dealer.tax_id, OpensDealer()),
        _plain("phone", Dealer.phone, OpensDealer()),
        _plain("email", Dealer.email, OpensDealer()),
        _plain("address", Dealer.address, OpensDealer()),
        _plain("verification", Dealer.verification, ReadsDealerRecord()),
        _plain("standing", Dealer.standing, ReadsDealerRecord()),
        _plain("verificationReason", Dealer.verification_reason, ReadsDealerRecord()),
        _plain("standingReason", Dealer.standing_reason, ReadsDealerRecord()),
        _number("notice", Dealer.notice, ReadsDealerRecord()),
        _time("cureDueAt", Dealer.cure_due_at, ReadsDealerRecord()),
        _plain("authorised", Dealer.authorised, ReadsDealerRecord()),
        *_clock(Dealer),
    ),
    ListName.LEADS: (
        _id(Lead),
        _plain("status", Lead.status),
        _plain("distribution", Lead.distribution),
        _plain("tier", Lead.tier),
        _plain("source", Lead.source),
        _plain("lostReason", Lead.lost_reason),
        _number("unlockCount", Lead.unlock_count),
        _number("maxUnlocks", Lead.max_unlocks),
        _one("listing", Listing, Lead.listing_id, SeesListing(), text="title"),
        _dealer("dealer", Lead.dealer_id),
        _user("assignee", Lead.assignee_id),
        _time("expiresAt", Lead.expires_at),
        *_clock(Lead),
    ),
    ListName.LISTINGS: (
        _id(Listing),
        _plain("kind", Listing.kind),
        _plain("status", Listing.status),
        _plain("statusReason", Listing.status_reason, ReadsUnpublished()),
        _plain("title", Listing.title),
        _plain("description", Listing.description),
        _money("price", Listing.price_minor, Listing.currency),
        _money("floor", Listing.floor_minor, Listing.currency, ReadsPrivate()),
        _money("autoAccept", Listing.auto_accept_minor, Listing.currency, ReadsPrivate()),
        _money("autoDecline", Listing.auto_decline_minor, Listing.currency, ReadsPrivate()),
        _plain("negotiable", Listing.negotiable),
        _plain("visibility", Listing.visibility),
        _plain("city", Listing.city),
        _number("capacity", Listing.capacity),
        _vehicle("make"),
        _vehicle("model"),
        _vehicle("year", number=True),
        _vehicle("km", number=True),
        _vehicle("fuel"),
        _dealer("dealer", Listing.dealer_id),
        _sku(Listing.sku_id),
        _time("publishedAt", Listing.published_at),
        _time("expiresAt", Listing.expires_at),
        *_clock(Listing),
    ),
    ListName.OFFERS: (
        _id(Offer),
        _plain("status", Offer.status),
        _plain("direction", Offer.direction),
        _money("amount", Offer.amount_minor, Offer.currency),
        _plain("headParty", Offer.head_party),
        _one("listing", Listing, Offer.listing_id, SeesListing(), text="title"),
        _user("proposerUser", Offer.proposer_user_id),
        _dealer("proposerDealer", Offer.proposer_dealer_id),
        _dealer("ownerDealer", Offer.owner_dealer_id),
        _time("expiresAt", Offer.expires_at),
        _time("createdAt", Offer.created_at),
        _time("updatedAt", Offer.updated_at),
    ),
    ListName.TASKS: (
        _id(Task),
        _plain("kind", Task.kind),
        _plain("status", Task.status),
        _plain("title", Task.title),
        _time("dueAt", Task.due_at),
        _plain("outcome", Task.outcome),
        _plain("note", Task.note, ReadsTaskNote()),
        _user("assignee", Task.assignee_id),
        _dealer("dealer", Task.dealer_id),
        *_clock(Task),
    ),
    ListName.TICKETS: (
        _id(Ticket),
        _number("number", Ticket.number),
        _plain("status", Ticket.status),
        _plain("priority", Ticket.priority),
        _plain("subject", Ticket.subject, OpensTicket()),
        _plain("bodyMarkdown", Ticket.body_markdown, OpensTicket()),
        _plain("resolution", Ticket.resolution, OpensTicket()),
        _plain("holdReason", Ticket.hold_reason, ReadsInternal()),
        _time("resumeAt", Ticket.resume_at, ReadsInternal()),
        _number("reopenCount", Ticket.reopen_count),
        _user("requester", Ticket.requester_id),
        _dealer("dealer", Ticket.requester_dealer_id),
        _user("assignee", Ticket.assignee_id),
        _time("resolvedAt", Ticket.resolved_at),
        _time("closedAt", Ticket.closed_at),
        *_clock(Ticket),
    ),
}


def fields_of(list_name: ListName, names: Sequence[str]) -> list[Field]:
    """The fields of these names, in their order. Raises KeyError for a name that the list does not have."""
    known = {field.name: field for field in FIELDS[list_name]}
    return [known[name] for name in names]


def cells_of(fields: Sequence[Field]) -> list[Cell]:
    """The columns of the file."""
    return [cell for field in fields for cell in field.cells]


def shown(cells: Sequence[Cell], row: Sequence[Any]) -> list[Any]:
    """The cells of a row, from the values that its fields asked for: texts, whole numbers, booleans, null."""
    made, at = [], 0
    for cell in cells:
        values = row[at : at + len(cell.values)]
        at += len(values)
        made.append(None if values[0] is None else cell.shown(*values))
    return made
