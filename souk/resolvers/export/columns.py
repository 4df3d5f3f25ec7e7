"""What a list looks like as a table: for each field its cells, who may read it, and how a value is shown.

A field has the name and the guard it has in the schema. Sealed texts (the contact of a lead, a registration number) are
left out: what opens one is somebody's act on one row, which the record of access keeps.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from ...engine.symbols import Viewer, write_id
from ...models import (
    AccessRefusal,
    Alert,
    AuditEvent,
    Batch,
    BatchItem,
    Category,
    Competitor,
    Deal,
    Dealer,
    Lead,
    Listing,
    Membership,
    Offer,
    OperationManifest,
    PersistedOperation,
    PricePolicy,
    ServiceToken,
    Sku,
    Task,
    Team,
    Ticket,
    User,
    VehicleDetail,
)
from ...permissions.audit import OpensChanges
from ...permissions.batch import ReadsImages, SeesBatch
from ...permissions.category import SeesCategory
from ...permissions.dealer import OpensDealer, ReadsDealerRecord
from ...permissions.document import SeesManifest
from ...permissions.listing import ReadsPrivate, ReadsUnpublished, SeesListing
from ...permissions.offer import SeesOffer
from ...permissions.service_token import SeesServiceToken
from ...permissions.sku import ReadsCost
from ...permissions.task import ReadsTaskNote
from ...permissions.ticket import OpensTicket, ReadsInternal
from ...permissions.user import NamesUser, OpensUser
from ...rules.enums import ListName
from ...rules.manifest import document_id
from ..audit import impersonator_of_event
from ..impact import at_risk
from ..user import invite_expiry_of, memberships_of_user
from .cells import Cell, Field, amount, clock, dealer, money, number, of, one, plain, row_id, sku, time, user


def _vehicle(name: str, **more: Any) -> Field:
    """What only a vehicle has."""
    same = (VehicleDetail.tenant_id == Listing.tenant_id, VehicleDetail.id == Listing.id)
    found = select(getattr(VehicleDetail, name)).where(*same).scalar_subquery()
    return Field(f"vehicle.{name}", (Cell(f"vehicle.{name}", (of(found),), **more),))


def _tenths(value: int) -> str:
    return f"{value // 10}.{value % 10}"


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _kept(name: str, attribute: Any, guard: Any = None) -> Field:
    """A document as it is kept: JSON in one cell."""
    return Field(name, (Cell(name, (of(attribute),), _json),), guard)


def _subject(name: str, heading: str, type_name: Any, key: Any) -> Field:
    """A row of any type, by its global id."""
    return Field(name, (Cell(heading, (of(key), of(type_name)), lambda key, type_name: write_id(type_name, key)),))


def _impersonator(viewer: Viewer) -> Any:
    found = impersonator_of_event(viewer, AuditEvent).where(User.tenant_id == AuditEvent.tenant_id)  # type: ignore[arg-type]
    return found.with_only_columns(User.id).scalar_subquery()


def _roles(viewer: Viewer) -> Any:
    """The roles of a person that the viewer may see, the oldest first."""
    found = memberships_of_user(viewer, User).where(Membership.tenant_id == User.tenant_id).order_by(None)  # type: ignore[arg-type]
    sorted_roles = func.array_agg(aggregate_order_by(Membership.role, Membership.created_at.asc(), Membership.id.asc()))
    return found.with_only_columns(sorted_roles).scalar_subquery()


FIELDS: dict[ListName, tuple[Field, ...]] = {
    ListName.ACCESS_REFUSALS: (
        row_id(AccessRefusal),
        plain("kind", AccessRefusal.kind),
        plain("operation", AccessRefusal.operation),
        plain("permission", AccessRefusal.permission),
        plain("actingRole", AccessRefusal.acting_role),
        _subject("subjectId", "subjectId", AccessRefusal.subject_type, AccessRefusal.subject_id),
        plain("requestId", AccessRefusal.request_id),
        user("actor", AccessRefusal.principal_id),
        time("at", AccessRefusal.created_at),
    ),
    ListName.ALERTS: (
        row_id(Alert),
        plain("kind", Alert.kind),
        plain("status", Alert.status),
        plain("severity", Alert.severity),
        Field("score", (Cell("score", (of(Alert.score_tenths),), _tenths, number=True),)),
        number("cycle", Alert.cycle),
        dealer("dealer", Alert.dealer_id),
        sku(Alert.sku_id),
        money("price", Alert.price_minor, Alert.currency),
        money("limit", Alert.policy_minor, Alert.currency),
        amount("atRisk", at_risk, of(Alert.currency)),
        plain("dismissReason", Alert.dismiss_reason),
        plain("resolution", Alert.resolution),
        time("firstSeenAt", Alert.first_seen_at),
        time("lastSeenAt", Alert.last_seen_at),
        time("noticeSentAt", Alert.notice_sent_at),
        time("cureDueAt", Alert.cure_due_at),
        time("snoozedUntil", Alert.snoozed_until),
        time("resolvedAt", Alert.resolved_at),
        time("dismissedAt", Alert.dismissed_at),
        *clock(Alert),
    ),
    ListName.AUDIT_EVENTS: (
        row_id(AuditEvent),
        number("seq", AuditEvent.seq),
        plain("op", AuditEvent.op),
        plain("actingRole", AuditEvent.acting_role),
        plain("subjectType", AuditEvent.subject_type),
        _subject("subjectId", "subjectId", AuditEvent.subject_type, AuditEvent.subject_id),
        _kept("changes", AuditEvent.changes, OpensChanges()),
        plain("requestId", AuditEvent.request_id),
        Field("hash", (Cell("hash", (of(AuditEvent.hash),), bytes.hex),)),
        user("actor", AuditEvent.actor_id),
        Field("impersonator", (Cell("impersonatorId", (_impersonator,), lambda found: write_id("User", found)),)),
        dealer("dealer", AuditEvent.dealer_id),
        time("at", AuditEvent.created_at),
    ),
    ListName.BATCHES: (
        row_id(Batch),
        plain("kind", Batch.kind),
        plain("status", Batch.status),
        plain("statusReason", Batch.status_reason),
        plain("title", Batch.title),
        *(
            Field(f"counts.{name}", (Cell(f"counts.{name}", (of(getattr(Batch, name)),), number=True),))
            for name in ("total", "succeeded", "failed", "dead", "skipped", "cancelled", "compensated")
        ),
        user("creator", Batch.creator_id),
        user("approver", Batch.approver_id),
        dealer("dealer", Batch.dealer_id),
        time("startedAt", Batch.started_at),
        time("endedAt", Batch.ended_at),
        *clock(Batch),
    ),
    ListName.CATEGORIES: (
        row_id(Category),
        plain("kind", Category.kind),
        plain("name", Category.name),
        plain("purpose", Category.purpose),
        one("parent", Category, Category.parent_id, SeesCategory(), text="name"),
        time("archivedAt", Category.archived_at),
        *clock(Category),
    ),
    ListName.COMPETITORS: (
        row_id(Competitor),
        plain("name", Competitor.name),
        plain("domain", Competitor.domain),
        *clock(Competitor),
    ),
    ListName.DEAD_LETTERS: (
        row_id(BatchItem),
        one("batch", Batch, BatchItem.batch_id, SeesBatch(), text="title"),
        number("n", BatchItem.n),
        plain("targetType", BatchItem.target_type),
        _subject("target", "targetId", BatchItem.target_type, BatchItem.target_id),
        plain("action", BatchItem.action),
        plain("status", BatchItem.status),
        number("attempt", BatchItem.attempt),
        plain("outcome", BatchItem.outcome),
        plain("errorCode", BatchItem.error_code),
        plain("errorMessage", BatchItem.error_message),
        _kept("warnings", BatchItem.warnings),
        money("impact", BatchItem.impact_minor, BatchItem.currency),
        time("settledAt", BatchItem.settled_at),
        _kept("before", BatchItem.before, ReadsImages()),
        _kept("after", BatchItem.after, ReadsImages()),
    ),
    ListName.DEALERS: (
        row_id(Dealer),
        plain("kind", Dealer.kind),
        plain("name", Dealer.name),
        plain("city", Dealer.city),
        plain("taxId", Dealer.tax_id, OpensDealer()),
        plain("phone", Dealer.phone, OpensDealer()),
        plain("email", Dealer.email, OpensDealer()),
        plain("address", Dealer.address, OpensDealer()),
        plain("verification", Dealer.verification, ReadsDealerRecord()),
        plain("standing", Dealer.standing, ReadsDealerRecord()),
        plain("verificationReason", Dealer.verification_reason, ReadsDealerRecord()),
        plain("standingReason", Dealer.standing_reason, ReadsDealerRecord()),
        number("notice", Dealer.notice, ReadsDealerRecord()),
        time("cureDueAt", Dealer.cure_due_at, ReadsDealerRecord()),
        plain("authorised", Dealer.authorised, ReadsDealerRecord()),
        *clock(Dealer),
    ),
    ListName.DEALS: (
        row_id(Deal),
        plain("kind", Deal.kind),
        plain("settlement", Deal.settlement),
        plain("status", Deal.status),
        money("net", Deal.net_minor, Deal.currency),
        money("vat", Deal.vat_minor, Deal.currency),
        money("gross", Deal.gross_minor, Deal.currency),
        time("paymentDueAt", Deal.payment_due_at),
        one("listing", Listing, Deal.listing_id, SeesListing(), text="title"),
        one("offer", Offer, Deal.offer_id, SeesOffer(), SeesOffer()),
        user("payerUser", Deal.payer_user_id),
        dealer("payerDealer", Deal.payer_dealer_id),
        user("payeeUser", Deal.payee_user_id),
        dealer("payeeDealer", Deal.payee_dealer_id),
        *clock(Deal),
    ),
    ListName.LEADS: (
        row_id(Lead),
        plain("status", Lead.status),
        plain("distribution", Lead.distribution),
        plain("tier", Lead.tier),
        plain("source", Lead.source),
        plain("lostReason", Lead.lost_reason),
        number("unlockCount", Lead.unlock_count),
        number("maxUnlocks", Lead.max_unlocks),
        one("listing", Listing, Lead.listing_id, SeesListing(), text="title"),
        dealer("dealer", Lead.dealer_id),
        user("assignee", Lead.assignee_id),
        time("expiresAt", Lead.expires_at),
        *clock(Lead),
    ),
    ListName.LISTINGS: (
        row_id(Listing),
        plain("kind", Listing.kind),
        plain("status", Listing.status),
        plain("statusReason", Listing.status_reason, ReadsUnpublished()),
        plain("title", Listing.title),
        plain("description", Listing.description),
        money("price", Listing.price_minor, Listing.currency),
        money("floor", Listing.floor_minor, Listing.currency, ReadsPrivate()),
        money("autoAccept", Listing.auto_accept_minor, Listing.currency, ReadsPrivate()),
        money("autoDecline", Listing.auto_decline_minor, Listing.currency, ReadsPrivate()),
        plain("negotiable", Listing.negotiable),
        plain("visibility", Listing.visibility),
        plain("city", Listing.city),
        number("capacity", Listing.capacity),
        _vehicle("make"),
        _vehicle("model"),
        _vehicle("year", number=True),
        _vehicle("km", number=True),
        _vehicle("fuel"),
        dealer("dealer", Listing.dealer_id),
        sku(Listing.sku_id),
        time("publishedAt", Listing.published_at),
        time("expiresAt", Listing.expires_at),
        *clock(Listing),
    ),
    ListName.OFFERS: (
        row_id(Offer),
        plain("status", Offer.status),
        plain("direction", Offer.direction),
        money("amount", Offer.amount_minor, Offer.currency),
        plain("headParty", Offer.head_party),
        one("listing", Listing, Offer.listing_id, SeesListing(), text="title"),
        user("proposerUser", Offer.proposer_user_id),
        dealer("proposerDealer", Offer.proposer_dealer_id),
        dealer("ownerDealer", Offer.owner_dealer_id),
        time("expiresAt", Offer.expires_at),
        time("createdAt", Offer.created_at),
        time("updatedAt", Offer.updated_at),
    ),
    ListName.OPERATION_MANIFESTS: (
        row_id(OperationManifest),
        plain("clientApp", OperationManifest.client_app),
        plain("clientVersion", OperationManifest.client_version),
        plain("ownerRole", OperationManifest.owner_role),
        number("documents", OperationManifest.documents),
        time("deprecatedAt", OperationManifest.deprecated_at),
        *clock(OperationManifest),
    ),
    ListName.PERSISTED_OPERATIONS: (
        row_id(PersistedOperation),
        Field("documentId", (Cell("documentId", (of(PersistedOperation.sha256),), document_id),)),
        plain("name", PersistedOperation.name),
        plain("document", PersistedOperation.document),
        number("ceiling", PersistedOperation.ceiling),
        one("manifest", OperationManifest, PersistedOperation.manifest_id, SeesManifest()),
        time("lastUsedAt", PersistedOperation.last_used_at),
        time("createdAt", PersistedOperation.created_at),
    ),
    ListName.PRICE_POLICIES: (
        row_id(PricePolicy),
        sku(PricePolicy.sku_id),
        plain("kind", PricePolicy.kind),
        money("amount", PricePolicy.amount_minor, PricePolicy.currency),
        number("toleranceBp", PricePolicy.tolerance_bp),
        money("tolerance", PricePolicy.tolerance_minor, PricePolicy.currency),
        time("validFrom", PricePolicy.valid_from),
        time("validTo", PricePolicy.valid_to),
        number("headVersion", PricePolicy.head_version),
        *clock(PricePolicy),
    ),
    ListName.SERVICE_TOKENS: (
        row_id(ServiceToken),
        plain("name", ServiceToken.name),
        plain("prefix", ServiceToken.prefix),
        Field("scopes", (Cell("scopes", (of(ServiceToken.scopes),), " ".join),)),
        dealer("dealer", ServiceToken.dealer_id),
        user("createdBy", ServiceToken.created_by),
        one("rotates", ServiceToken, ServiceToken.rotates_id, SeesServiceToken()),
        time("expiresAt", ServiceToken.expires_at),
        time("revokedAt", ServiceToken.revoked_at),
        time("lastUsedAt", ServiceToken.last_used_at),
        *clock(ServiceToken),
    ),
    ListName.SKUS: (
        row_id(Sku),
        plain("code", Sku.code),
        plain("name", Sku.name),
        plain("brand", Sku.brand),
        money("mrp", Sku.mrp_minor, Sku.currency),
        money("cost", Sku.cost_minor, Sku.currency, ReadsCost()),
        plain("currency", Sku.currency),
        plain("ean", Sku.ean),
        plain("upc", Sku.upc),
        plain("mpn", Sku.mpn),
        *clock(Sku),
    ),
    ListName.TASKS: (
        row_id(Task),
        plain("kind", Task.kind),
        plain("status", Task.status),
        plain("title", Task.title),
        time("dueAt", Task.due_at),
        plain("outcome", Task.outcome),
        plain("note", Task.note, ReadsTaskNote()),
        user("assignee", Task.assignee_id),
        dealer("dealer", Task.dealer_id),
        *clock(Task),
    ),
    ListName.TEAMS: (row_id(Team), plain("name", Team.name), time("archivedAt", Team.archived_at), *clock(Team)),
    ListName.TICKETS: (
        row_id(Ticket),
        number("number", Ticket.number),
        plain("status", Ticket.status),
        plain("priority", Ticket.priority),
        plain("subject", Ticket.subject, OpensTicket()),
        plain("bodyMarkdown", Ticket.body_markdown, OpensTicket()),
        plain("resolution", Ticket.resolution, OpensTicket()),
        plain("holdReason", Ticket.hold_reason, ReadsInternal()),
        time("resumeAt", Ticket.resume_at, ReadsInternal()),
        number("reopenCount", Ticket.reopen_count),
        user("requester", Ticket.requester_id),
        dealer("dealer", Ticket.requester_dealer_id),
        user("assignee", Ticket.assignee_id),
        time("resolvedAt", Ticket.resolved_at),
        time("closedAt", Ticket.closed_at),
        *clock(Ticket),
    ),
    ListName.USERS: (
        row_id(User),
        plain("name", User.name, NamesUser()),
        plain("email", User.email, OpensUser()),
        plain("phone", User.phone, OpensUser()),
        plain("locale", User.locale),
        plain("status", User.status),
        plain("staff", User.staff),
        Field("memberships.role", (Cell("memberships.role", (_roles,), " ".join),)),
        time("inviteExpiresAt", invite_expiry_of(User)),
        *clock(User),
    ),
}


def fields_of(list_name: ListName, names: Sequence[str]) -> list[Field]:
    """The fields of these names, in their order. Raises KeyError for a name that the list does not have."""
    known = {field.name: field for field in FIELDS[list_name]}
    return [known[name] for name in names]
