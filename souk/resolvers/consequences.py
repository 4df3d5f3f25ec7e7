"""What follows for other domains when a listing leaves the market: one place, so that no writer forgets it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from ..db.session import Transaction
from ..models import Listing, Offer
from ..rules.enums import OfferStatus
from .writing import move

OPEN = (OfferStatus.PENDING, OfferStatus.COUNTERED)
GONE = "listing RESERVED, SUSPENDED, EXPIRED or ARCHIVED"


async def with_offers(tx: Transaction, listings: Collection[UUID]) -> set[UUID]:
    """Those of these listings, which the caller holds, that have an open offer: mostly few."""
    if not listings:
        return set()
    asked = select(Offer.listing_id).where(
        Offer.tenant_id == tx.actor.tenant_id, Offer.listing_id.in_(listings), Offer.status.in_(OPEN)
    )
    return set((await tx.session.execute(asked.distinct())).scalars())


async def supersede_offers(tx: Transaction, listing: Listing, *, but: Offer | None = None) -> int:
    """Supersede the open offers of a listing that became RESERVED, SUSPENDED, EXPIRED or ARCHIVED. Gives their number."""
    asked = select(Offer).where(Offer.listing_id == listing.id, Offer.status.in_(OPEN)).order_by(Offer.id)
    if but is not None:
        asked = asked.where(Offer.id != but.id)
    offers = (await tx.session.execute(asked.with_for_update())).scalars().all()
    for offer in offers:
        move(tx, offer, OfferStatus.SUPERSEDED, "offer.superseded", cause=GONE)
        await tx.not_due("offer.expiry", offer.id)
    return len(offers)
