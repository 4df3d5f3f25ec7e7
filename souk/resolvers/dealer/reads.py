"""Dealers the viewer may see."""

from collections.abc import Iterator
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, exists, select

from ...engine.scalars import DateTime
from ...engine.symbols import Viewer, among, key
from ...models import Alert, Dealer, ExternalRef, Listing, ListingAudience
from ...permissions.alert import SeesAlert
from ...permissions.dealer import ReadsDealerRecord, SeesDealer
from ...rules.alert import ENDED
from ...rules.enums import DealerKind, DealerStanding, DealerVerification, Described, ExternalType
from ..enums import known
from ..filters import ExternalIdInput, conditions, folded, named_elsewhere


@known
class DealerOrder(Described):
    """The order of a list of dealers."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    NAME = "NAME", "By name."
    UPDATED = "UPDATED", "What changed last first."


DEALER_ORDER: dict[str, Any] = {
    DealerOrder.NEWEST: Dealer.created_at.desc(),
    DealerOrder.OLDEST: Dealer.created_at.asc(),
    DealerOrder.NAME: Dealer.name.asc(),
    DealerOrder.UPDATED: Dealer.updated_at.desc(),
}


@strawberry.input(description="Conditions on dealers; all must hold.")
class DealerFilter:
    kind: strawberry.Maybe[DealerKind] = strawberry.field(description="Of this kind.")
    verification: strawberry.Maybe[list[DealerVerification]] = strawberry.field(
        description="In one of these states of verification; only among dealers whose record the viewer may read."
    )
    standing: strawberry.Maybe[list[DealerStanding]] = strawberry.field(
        description="In one of these standings; only among dealers whose record the viewer may read."
    )
    breaching: strawberry.Maybe[bool] = strawberry.field(
        description="With an alert that is live and that the viewer may see, or (false) without one."
    )
    repeat_offender: strawberry.Maybe[bool] = strawberry.field(
        description="With such an alert in its second cycle or a later one, or (false) without one."
    )
    city: strawberry.Maybe[str] = strawberry.field(description="In this city, whatever the case.")
    external_id: strawberry.Maybe[ExternalIdInput] = strawberry.field(description="What another system names so.")
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(description="Changed at or after this moment.")

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.kind:
            yield Dealer.kind == self.kind.value
        if self.verification:
            yield among(Dealer.verification, self.verification.value)
        if self.standing:
            yield among(Dealer.standing, self.standing.value)
        if self.verification or self.standing:
            yield ReadsDealerRecord().rows(viewer)
        if self.breaching:
            yield breaches(viewer) if self.breaching.value else ~breaches(viewer)
        if self.repeat_offender:
            again = breaches(viewer, Alert.cycle > 1)
            yield again if self.repeat_offender.value else ~again
        if self.city:
            yield Dealer.city_key == folded(self.city.value)
        if self.external_id:
            yield named_elsewhere(Dealer, ExternalType.DEALER, self.external_id.value)
        if self.updated_since:
            yield Dealer.updated_at >= self.updated_since.value


def breaches(viewer: Viewer, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """The dealer has a live alert that the viewer may see."""
    live = ~among(Alert.status, sorted(ENDED))
    return exists().where(
        Alert.tenant_id == Dealer.tenant_id, Alert.dealer_id == Dealer.id, live, SeesAlert().rows(viewer), *more
    )


def dealers(
    viewer: Viewer, filter: DealerFilter | None = None, order_by: DealerOrder = DealerOrder.NEWEST
) -> Select[Dealer]:
    """Dealers the viewer may see."""
    found = select(Dealer).where(SeesDealer().rows(viewer), *conditions(filter, viewer))
    return found.order_by(DEALER_ORDER[order_by])


def dealer(viewer: Viewer, id: strawberry.ID) -> Select[Dealer]:
    """One dealer by its id."""
    return select(Dealer).where(Dealer.id == key(id, Dealer), SeesDealer().rows(viewer))


def dealer_of_listing(viewer: Viewer, listing: Listing) -> Select[Dealer]:
    """Whose listing it is."""
    return select(Dealer).where(Dealer.id == listing.dealer_id, SeesDealer().rows(viewer))


def external_ids_of_dealer(viewer: Viewer, dealer: Dealer) -> Select[ExternalRef]:
    """What other systems call it."""
    found = select(ExternalRef).where(ExternalRef.subject_id == dealer.id, ExternalRef.type == ExternalType.DEALER)
    return found.order_by(ExternalRef.source, ExternalRef.external_id)


def dealer_of_audience(viewer: Viewer, member: ListingAudience) -> Select[Dealer]:
    """The dealer for whom the listing is meant."""
    return select(Dealer).where(Dealer.id == member.dealer_id, SeesDealer().rows(viewer))
