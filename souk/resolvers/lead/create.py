"""A new lead."""

import strawberry

from ...db.sealing import place
from ...db.session import Transaction
from ...models import Lead, Listing, new_id
from ...permissions.listing import SeesListing
from ...rules import lead as rules
from ...rules import listing as listing_rules
from ...rules import text
from ...rules.actor import Actor, Role
from ...rules.enums import ExternalType, LeadDistribution, LeadSource, LeadStatus
from ...rules.errors import Invalid, Problems, Required
from ...rules.listing import ListingState
from .. import contact
from ..external import NAMED, brought_in
from ..filters import ExternalIdInput
from ..writing import found
from .follow import EXPIRY

ONESELF = (Role.PUBLIC, Role.CUSTOMER)
SOURCES = {Role.SERVICE: LeadSource.PARTNER, Role.DEALER: LeadSource.PHONE}


@strawberry.input(description="Somebody's question about a listing. Give a phone number or an e-mail address, or both.")
class LeadCreateInput:
    listing_id: strawberry.ID = strawberry.field(description="The listing.")
    name: str = strawberry.field(description="The person's name, at most 200 characters.")
    phone: str | None = strawberry.field(default=None, description="The phone number, with its country code.")
    email: str | None = strawberry.field(default=None, description="The e-mail address.")
    message: str | None = strawberry.field(default=None, description="The question, at most 2,000 characters.")
    distribution: LeadDistribution = strawberry.field(
        default=LeadDistribution.EXCLUSIVE, description="Whether only the listing's dealer may have it, or others too."
    )
    max_unlocks: int | None = strawberry.field(
        default=None, description="How many dealers may unlock a SHARED one; left out, as many as the listing allows."
    )
    source: LeadSource | None = strawberry.field(
        default=None, description="Where it comes from; WEB or APP when one asks for oneself. Left out, it is guessed."
    )
    external_id: ExternalIdInput | None = strawberry.field(default=None, description=NAMED)
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def lead_create(tx: Transaction, input: LeadCreateInput) -> Lead:
    """Ask about a listing. Without a session, the answer holds no lead: it was taken, but it cannot be read back."""
    listing = await found(tx, Listing, input.listing_id, SeesListing(), field="listing_id")
    actor = tx.actor
    listing_rules.takes_offers(ListingState(listing.status, expires_at=listing.expires_at), now=tx.now)
    problems = Problems()
    name = problems.take(lambda: text.line(input.name, 200), "name")
    phone = problems.take(lambda: contact.phone(input.phone) if input.phone else None, "phone")
    email = problems.take(lambda: contact.email(input.email) if input.email else None, "email")
    message = problems.take(lambda: text.optional_body(input.message, 2_000), "message")
    if not (input.phone or input.email):
        problems.add(Required("A phone number or an e-mail address is needed."), "phone")
    places = problems.take(
        lambda: rules.max_unlocks(input.distribution, input.max_unlocks, listing.max_unlocks), "max_unlocks"
    )
    source = problems.take(lambda: _source(actor, input.source), "source")
    problems.check()

    tier = rules.tier(phone=phone is not None, email=email is not None)
    lead_id, settings = new_id(), await tx.settings()

    def sealed(column: str, value: str | None) -> bytes | None:
        return None if value is None else tx.keyring.seal(value, place(actor.tenant_id, "lead", column, lead_id))

    lead: Lead = tx.add(
        Lead(
            id=lead_id,
            listing_id=listing.id,
            dealer_id=listing.dealer_id,
            user_id=_person(actor, listing),
            status=LeadStatus.NEW,
            distribution=input.distribution,
            tier=tier,
            source=source,
            contact_name_enc=sealed("contact_name_enc", name),
            contact_phone_enc=sealed("contact_phone_enc", phone),
            contact_email_enc=sealed("contact_email_enc", email),
            message_enc=sealed("message_enc", message),
            phone_hash=tx.keyring.hash(phone) if phone else None,
            email_hash=tx.keyring.hash(contact.email_key(email)) if email else None,
            max_unlocks=places,
            unlock_count=0,
            unlock_cost=rules.UNLOCK_CREDITS[tier],
            expires_at=rules.expiry(tx.now, settings.lead_days),
        )
    )
    tx.emit("lead.created", lead, to_status=LeadStatus.NEW)
    await brought_in(tx, ExternalType.LEAD, lead, input.external_id)
    await tx.due(EXPIRY, lead.id, lead.expires_at)
    return lead


def _person(actor: Actor, listing: Listing) -> object:
    """Whose question it is, if that is somebody signed in; a dealer writes down who asked about its own listing."""
    asks = actor.role is Role.CUSTOMER or (actor.role is Role.DEALER and actor.dealer_id != listing.dealer_id)
    return actor.user_id if asks else None


def _source(actor: Actor, given: LeadSource | None) -> LeadSource:
    if given is None:
        return LeadSource.WEB if actor.role in ONESELF else SOURCES.get(actor.role, LeadSource.PHONE)
    if actor.role in ONESELF and given not in (LeadSource.WEB, LeadSource.APP):
        raise Invalid("Who asks for oneself does so by WEB or APP.")
    return given
