"""What is asked of each row of the matrix: what is one's own, how a row shows, and which rows have a surface at all.

What is one's own is spelled here once more, from the table of the domain, so that a predicate that is wrong in both
spellings does not agree with itself.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import GraphQLObjectType

import souk.permissions
from souk.engine.notes import GATE, guards_of, note_of
from souk.permissions.base import KNOWN, AnyOf
from souk.permissions.batch import ROW_OF_KIND
from souk.resolvers.kinds import KINDS
from souk.rules.actor import Role
from souk.schema import schema
from tests.bazaar import TYPE_OF_TABLE

PARTY = {"DEALER": "proposer_dealer_id = :dealer OR owner_dealer_id = :dealer",
         "CUSTOMER": "proposer_user_id = :user AND proposer_dealer_id IS NULL"}  # fmt: skip
MADE = "creator_id = :user"
PERSONAL = "actor_id = :user OR (subject_type = 'User' AND subject_id = :user)"
IN_TEAM = "(requester_id = :user OR team_id = :team OR EXISTS (SELECT FROM ticket_cc c WHERE c.ticket_id = t.id AND c.user_id = :user))"
OWN_TICKET = "(requester_id = :user OR EXISTS (SELECT FROM ticket_cc c WHERE c.ticket_id = t.id AND c.user_id = :user))"
OWN: dict[str, dict[str, str]] = {
    "Listing": {"DEALER": "dealer_id = :dealer"},
    "Dealer": {"DEALER": "id = :dealer"},
    "Offer": PARTY,
    "Deal": {"DEALER": "payer_dealer_id = :dealer OR payee_dealer_id = :dealer", "CUSTOMER": "payer_user_id = :user AND payer_dealer_id IS NULL"},
    "Lead": {
        "DEALER": "user_id = :user OR dealer_id = :dealer OR (distribution = 'SHARED' AND unlock_count < max_unlocks)"
                  " OR EXISTS (SELECT FROM lead_unlock u WHERE u.lead_id = t.id AND u.dealer_id = :dealer)",
        "CUSTOMER": "user_id = :user",
    },
    "Ticket": dict.fromkeys(("OWNER", "ADMIN", "OPS", "SALES", "DEALER", "CUSTOMER"), OWN_TICKET) | {"AGENT": IN_TEAM},
    "Alert": {"DEALER": "dealer_id = :dealer AND notice_sent_at IS NOT NULL"},
    "PricePolicy": {"DEALER": "sku_id IN (SELECT sku_id FROM listing WHERE dealer_id = :dealer AND deleted_at IS NULL)"},
    "Task": {"AGENT": f"ticket_id IN (SELECT id FROM ticket t WHERE deleted_at IS NULL AND {IN_TEAM})"},
    "Batch": dict.fromkeys(("AGENT", "DEALER", "CUSTOMER"), MADE),
    "BatchItem": dict.fromkeys(("AGENT", "DEALER", "CUSTOMER"), f"batch_id IN (SELECT id FROM batch WHERE {MADE})"),
    "AuditEvent": {"CUSTOMER": PERSONAL, "DEALER": f"{PERSONAL} OR dealer_id = :dealer OR (subject_type = 'Dealer' AND subject_id = :dealer)"},
    "ServiceToken": {"DEALER": "dealer_id = :dealer"},
    "User": {"DEALER": "id IN (SELECT user_id FROM membership WHERE dealer_id = :dealer)"} | dict.fromkeys(("OPS", "SALES", "AGENT", "VIEWER", "CUSTOMER"), "id = :user"),
}  # fmt: skip
TABLE = {type_: table for table, type_ in TYPE_OF_TABLE.items()}
LIVE = {"Listing": "deleted_at IS NULL", "Dealer": "deleted_at IS NULL", "Ticket": "deleted_at IS NULL"}


@dataclass(frozen=True)
class Probe:
    """How a row of the matrix shows. `field` is asked of `type`'s own and others' rows; empty asks for the row itself.

    `only` narrows the rows to those that every admitted role sees; `also` are scopes that the question needs besides;
    `own` takes another table of what is one's own.
    """

    row: str
    type: str = ""
    field: str = ""
    mutation: str = ""
    only: str = "true"
    also: tuple[str, ...] = ()
    own: tuple[tuple[str, str], ...] = ()
    root: str = ""
    hidden: bool = False
    """Whether another row of the matrix admits the role too, so that the answer is an absent row, never FORBIDDEN."""


ANSWERED = (
    "id IN (SELECT k.assignee_id FROM ticket k WHERE k.deleted_at IS NULL AND {mine}) OR id IN (SELECT s.author_id FROM ticket_comment s"
    " JOIN ticket k ON k.id = s.ticket_id WHERE s.visibility = 'PUBLIC' AND k.deleted_at IS NULL AND {mine})"
).format(
    mine="(k.requester_id = :user OR EXISTS (SELECT FROM ticket_cc c WHERE c.ticket_id = k.id AND c.user_id = :user))"
)
"""Staff who answer a person: they have its ticket, or said something to it."""
OF_ANSWERING = f"user_id IN (SELECT id FROM app_user WHERE {ANSWERED})"
OWNERS = "SELECT user_id FROM membership WHERE role = 'OWNER' AND ended_at IS NULL"
NO_OWNER = (("DEALER", OWN["User"]["DEALER"]), ("ADMIN", f"id NOT IN ({OWNERS})"))
READS = [
    Probe("listing:read", "Listing", only="status = 'ACTIVE' AND visibility = 'PUBLIC'", hidden=True),
    Probe("listing:readUnpublished", "Listing", only="status NOT IN ('ACTIVE')", hidden=True),
    Probe("listing:readPrivate", "Listing", "floor { amount }", only="status = 'ACTIVE' AND visibility = 'PUBLIC'", also=("listing:read",)),
    Probe("category:read", "Category"),
    Probe("sku:read", "Sku"),
    Probe("sku:readCost", "Sku", "cost { amount }", also=("sku:read",)),
    Probe("competitor:read", "Competitor"),
    Probe("dealer:read", "Dealer", "phone", only="id IN (SELECT dealer_id FROM listing WHERE status = 'ACTIVE' AND visibility = 'PUBLIC')"),
    Probe("dealer:readRecord", "Dealer", "standing", only="id IN (SELECT dealer_id FROM listing WHERE status = 'ACTIVE' AND visibility = 'PUBLIC')",
          also=("dealer:read",)),
    Probe("offer:read", "Offer", "revisions(first: 1) { nodes { message } }"),
    Probe("deal:read", "Deal"),
    Probe("lead:read", "Lead"),
    Probe("ticket:read", "Ticket", "bodyMarkdown"),
    Probe("ticket:internal", "Ticket", "holdReason", only="requester_id IN (:customer, :seller, :member) OR team_id = :team", also=("ticket:read",)),
    Probe("alert:read", "Alert"),
    Probe("alert:readEvidence", "Alert", "evidenceSnapshots { totalCount }", also=("alert:read",)),
    Probe("pricePolicy:read", "PricePolicy"),
    Probe("task:read", "Task"),
    Probe("team:read", "Team", "... on Team { name }", root="node"),
    Probe("note:read", "Dealer", "notes { totalCount }", only="id IN (SELECT dealer_id FROM listing WHERE status = 'ACTIVE' AND visibility = 'PUBLIC')",
          also=("dealer:read",)),
    Probe("batch:read", "Batch", "items(first: 1) { nodes { before } }"),
    Probe("audit:read", "AuditEvent"),
    Probe("audit:readRefusals", "AccessRefusal", "... on AccessRefusal { operation }", root="node"),
    Probe("serviceToken:read", "ServiceToken"),
    Probe("settings:read", "TenantSettings", "... on TenantSettings { version }", root="node"),
    Probe("flag:write", "FeatureFlag", "... on FeatureFlag { key }", root="node"),
    Probe("user:readStaff", "User", "name", hidden=True, only="staff", own=(("DEALER", ANSWERED), ("CUSTOMER", ANSWERED))),
    Probe("user:readStaff", "Membership", "... on Membership { role }", root="node", only="dealer_id IS NULL AND role <> 'CUSTOMER'",
          own=(("DEALER", OF_ANSWERING), ("CUSTOMER", OF_ANSWERING))),
    Probe("user:read", "User", "phone", hidden=True, only="NOT staff OR id = :user"),
]  # fmt: skip
# What is asked of no single row: the whole field is given or withheld. What one sees through it is the matter of its rows.
QUESTIONS = [
    ("audit:verify", "auditVerify { intact checked }"),
    ("audit:readRefusals", "accessRefusals { totalCount }"),
    ("audit:readRefusals", "accessExplain(id: $id, role: DEALER) { allowed }"),
    ("settings:read", "settings { version }"),
    ("system:read", "deadLetters { totalCount }"),
    ("settings:read", "settingsHistory { totalCount }"),
    ("flag:write", "flags { totalCount }"),
]
DEALERS = (("DEALER", "id = :dealer"),)
WRITES = [
    Probe("listing:write", "Listing", mutation="listingUpdate"),
    Probe("listing:moderate", "Listing", mutation="listingModerate"),
    Probe("sku:write", "Sku", mutation="skuUpdate"),
    Probe("manifest:write", "OperationManifest", mutation="operationManifestDeprecate"),
    Probe("competitor:write", "Competitor", mutation="competitorUpdate"),
    Probe("dealer:write", "Dealer", mutation="dealerUpdate"),
    Probe("dealer:submitVerification", "Dealer", mutation="dealerSubmitVerification", own=DEALERS),
    Probe("dealer:verify", "Dealer", mutation="dealerReviewVerification"),
    Probe("dealer:standing", "Dealer", mutation="dealerSetStanding"),
    Probe("dealer:terminate", "Dealer", mutation="dealerTerminate"),
    Probe("offer:respond", "Offer", mutation="offerReject"),
    Probe("lead:assign", "Lead", mutation="leadAssign", own=(("SALES", "assignee_id IS NULL OR assignee_id = :user"),)),
    Probe("lead:withdraw", "Lead", mutation="leadWithdraw", own=(("CUSTOMER", "user_id = :user"),)),
    Probe("ticket:asRequester", "Ticket", mutation="ticketConfirm",
          own=tuple((role.value, "requester_id = :user") for role in Role if role not in (Role.SERVICE, Role.PUBLIC))),
    Probe("ticket:transition", "Ticket", mutation="ticketTransition", own=(("AGENT", "team_id = :team"),)),
    Probe("ticket:assign", "Ticket", mutation="ticketAssign", own=(("AGENT", "team_id = :team"),)),
    Probe("pricePolicy:write", "PricePolicy", mutation="pricePolicyUpdate"),
    Probe("task:write", "Task", mutation="taskTransition"),
    Probe("task:closeLoop", "Task", mutation="taskCloseLoop"),
    Probe("batch:control", "Batch", mutation="batchPause", only="kind = 'IMPORT'"),
    Probe("batch:approve", "Batch", mutation="batchDecide"),
    Probe("team:write", "Team", mutation="teamUpdate"),
    Probe("team:write", "Team", mutation="teamSetMembers"),
    Probe("serviceToken:write", "ServiceToken", mutation="serviceTokenRevoke"),
    Probe("user:unlock", "User", mutation="userUnlock"),
    Probe("user:setStatus", "User", mutation="userSetStatus", only=f"NOT staff OR id = :user OR id IN ({OWNERS})", own=NO_OWNER),
    Probe("user:setRole", "User", mutation="userSetRole", only=f"NOT staff OR id = :user OR id IN ({OWNERS})", own=NO_OWNER),
]  # fmt: skip


# Which rows have a surface -----------------------------------------------------------------------------------------------


def asked_by_the_schema() -> Iterator[tuple[str, Any]]:
    """Every gate and every guard, with the field it stands before."""
    for type_ in schema._schema.type_map.values():
        for name, field in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
            declared = field.extensions.get("strawberry-definition")
            if declared is not None:
                note, where = note_of(declared), f"{type_.name}.{name}"
                for each in (declared.metadata.get(GATE), getattr(note, "gate", None), *guards_of(note)):
                    if each is not None:
                        yield where, each


def rows_of_the_matrix(asked: Any) -> Iterator[str]:
    """The rows that a permission asks; what concerns only oneself asks none."""
    for each in asked.parts if isinstance(asked, AnyOf) else [asked]:
        if hasattr(each, "name"):
            yield each.name


def with_a_surface() -> set[str]:
    """The rows that a gate, a guard, a permission of a read or a write, or a kind of batch that exists asks."""
    for found in pkgutil.iter_modules(souk.permissions.__path__):
        importlib.import_module(f"souk.permissions.{found.name}")
    rows = {row for _, asked in asked_by_the_schema() for row in rows_of_the_matrix(asked)}
    rows |= {row for row, known in KNOWN.items() if any(_declared(each) for each in known)}
    sources = Path(souk.__path__[0]).rglob("*.py")
    rows |= {row for each in sources for row in re.findall(r'\bmay\("(\w+:\w+)"\)', each.read_text(encoding="utf-8"))}
    return rows | {ROW_OF_KIND[kind] for kind in KINDS}


def _declared(permission: type[Any]) -> bool:
    return permission.__module__.startswith("souk.permissions.") and permission.__module__ != "souk.permissions.base"
