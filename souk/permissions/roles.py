"""The permission matrix on one screen: who may do what.

T tenant-wide · O own or party only · M the row is visible, its marked fields answer null with FORBIDDEN · S by scope of
a service token · - not at all. What stands behind a letter is a condition of that cell, which the permission's own
predicate makes true. The names are also the scopes of service tokens.
"""

from dataclasses import dataclass
from typing import NamedTuple

from ..rules.actor import Facts, Role

TABLE = """
# Catalogue and dealers
listing:read | ACTIVE listings with media; PRIVATE ones for their audience | T | T | T | T | T | T | T | T | S | T
listing:readUnpublished | every other state, and PRIVATE ones | T | T | T | T | - | T | O | - | S | -
listing:readPrivate | fields: floor, automatic answers, reserve, registration number | T | T | T | T | - | - | O | - | S | -
listing:write | create, update, submit, withdraw, pause, resume, renew, archive | T | T | - | - | - | - | O | - | S | -
listing:moderate | approve, reject, suspend, reinstate, archive a suspended one | T | T | T | - | - | - | - | - | - | -
category:read | categories and tags | T | T | T | T | T | T | T | T | S | T
category:write | create, rename, merge, archive | T | T | - | - | - | - | - | - | - | -
sku:read | SKUs with identifiers and MRP | T | T | T | T | - | T | T | T | S | -
sku:readCost | field: cost | T | T | T | - | - | - | - | - | S | -
sku:write | create, update | T | T | - | - | - | - | - | - | S | -
competitor:read | competitors and their snapshots | T | T | T | T | - | T | - | - | S | -
competitor:write | create, update | T | T | - | - | - | - | - | - | S | -
dealer:read | the card: name, kind, city, contact | T | T | T | T | M | M | M (own in full) | M | S | M
dealer:readRecord | verification, standing, restrictions, members, plan | T | T | T | T | - | T | O | - | S | -
dealer:write | create (staff and service), edit | T | T | - | - | - | - | O edit | - | S | -
dealer:submitVerification | hand in documents | - | - | - | - | - | - | O | - | - | -
dealer:verify | approve, reject, revoke | T | T | T | - | - | - | - | - | - | -
dealer:standing | set, reinstate | T | T | T | - | - | - | - | - | - | -
dealer:terminate | end a dealer for good | T | - | - | - | - | - | - | - | - | -

# Trade
offer:read | offers and revisions | T | T | T | T | - | M | O | O | S | -
offer:create | put a price to a listing | - | - | - | - | - | - | O | O | - | -
offer:respond | counter, accept, reject, withdraw | - | - | - | - | - | - | O | O | - | -
auction:read | auctions and bids | T | T | T | T | - | T | T | T | S | -
auction:control | create, schedule, start, pause, resume, cancel | T | T | T | - | - | - | - | - | - | -
bid:place | bid in an auction | - | - | - | - | - | - | O | O | - | -
deal:read | deals | T | T | T | T | - | M | O | O | S | -
deal:perform | the parties: start, deliver, confirm, cancel, dispute | - | - | - | - | - | - | O | O | - | -
deal:administer | start or cancel a deal that holds no money | T | T | T | - | - | - | - | - | - | -
deal:resolveDispute | release, refund, split, cancel | T | T | - | - | - | - | - | - | - | -
conversation:read | messages between the parties | T | T | T | - | - | - | O | O | - | -
conversation:write | send a message | - | - | - | - | - | - | O | O | - | -

# Leads
lead:read | leads without the contact | T | T | T | T | - | M | O | O | S | -
lead:contact | field: name, phone, e-mail, message | T | T | M | O assigned | - | M | O unlocked | O | S | -
lead:create | ask about a listing | T | T | T | T | T | - | O | O | S | O
lead:assign | give a lead to a colleague | T | T | T | O to oneself | - | - | - | - | S | -
lead:setStatus | the lead's own status, reopen | T | T | T | T | - | - | - | - | - | -
unlock:setStatus | the status of one's own unlock, reopen | - | - | - | - | - | - | O | - | - | -
lead:unlock | buy the contact | - | - | - | - | - | - | O | - | - | -
lead:reportInvalid | report an unlocked lead as invalid | - | - | - | - | - | - | O | - | - | -
lead:decideInvalid | confirm (reverses that unlock's own charge) or refuse | T | T | T | - | - | - | - | - | - | -
lead:withdraw | take back one's own lead | - | - | - | - | - | - | - | O | - | -

# Plans, credits and money
plan:read | plan catalogue | T | T | T | T | T | T | T | T | S | T
plan:write | plans and their entitlements | T | T | - | - | - | - | - | - | - | -
plan:assign | give a dealer a plan | T | T | - | - | - | - | - | - | - | -
subscription:cancel | end a subscription | T | T | - | - | - | - | O | - | - | -
entitlement:read | snapshots, usage | T | T | T | T | - | T | O | - | S | -
credit:read | balance, grants, entries | T | T | T | T | - | T | O | - | S | -
credit:topUp | buy credits | T | T | - | - | - | - | O | - | - | -
credit:adjust | grant or take credits | T | T | - | - | - | - | - | - | - | -
payment:read | payments, refunds, receipts | T | T | - | - | - | - | O | O | S | -
payment:create | pay | - | - | - | - | - | - | O | O | - | -
payment:capture | capture an authorisation | T | T | - | - | - | - | - | - | - | -
payment:void | void an authorisation | T | T | - | - | - | - | - | - | - | -
refund:request | ask for a refund | T | T | - | - | - | - | O | O | - | -
refund:decide | approve, reject, retry; cancel a funded deal | T | T | - | - | - | - | - | - | - | -
payout:read | payouts and their transfers | T | T | - | - | - | - | O | O | S | -
payout:decide | approve, cancel, hold, release, retry | T | T | - | - | - | - | - | - | - | -
escrow:freeze | freeze, unfreeze | T | T | - | - | - | - | - | - | - | -
escrow:override | release or refund against the rules | T | - | - | - | - | - | - | - | - | -
ledger:read | accounts and entries | T | T | - | - | - | - | O own accounts | - | S | -
ledger:trialBalance | the trial balance | T | T | - | - | - | - | - | - | S | -
commission:read | rates, rules, frozen lines | T | T | - | - | - | - | O own lines | - | S | -
commission:write | rates and rules | T | T | - | - | - | - | - | - | - | -
tax:write | effective-dated tax rates | T | T | - | - | - | - | - | - | - | -
revenue:read | revenue summary | T | T | - | - | - | - | - | - | S | -

# Desk
ticket:read | tickets and PUBLIC comments | T | T | T | O | O teams | M | O | O | S | -
ticket:internal | INTERNAL comments, files and fields, reading and writing | T | T | T | - | O teams | - | - | - | S | -
ticket:create | open a ticket | T | T | T | T | T | - | O | O | S | -
ticket:comment | PUBLIC comment | T | T | T | O | O teams | - | O | O | S | -
ticket:asRequester | cancel, confirm, reopen one's own request | O | O | O | O | O | - | O | O | - | -
ticket:transition | status, cancel, merge, reopen, decide a reopening | T | T | T | - | O teams | - | - | - | S | -
ticket:assign | assignee, team | T | T | T | - | O teams | - | - | - | S | -
attachment:delete | files of others | T | T | - | - | O teams | - | - | - | - | -
csat:submit | rate with the signed token | O | O | O | O | O | O | O | O | - | O
sla:read | policies, calendars, clocks explained | T | T | T | - | T | T | - | - | S | -
sla:write | policies, calendars | T | T | - | - | - | - | - | - | - | -
automation:write | rules and their runs | T | T | - | - | - | - | - | - | - | -
team:read | teams | T | T | T | T | T | T | - | - | S | -
team:write | create, edit, members | T | T | - | - | - | - | - | - | - | -

# Margin defence
alert:read | alerts with impact and timeline | T | T | T | T | - | T | O after notice | - | S | -
alert:readEvidence | evidence, without other dealers' rows for a dealer | T | T | T | T | - | T | O after notice | - | S | -
alert:acknowledge | acknowledge | T | T | T | T | - | - | - | - | - | -
alert:transition | investigate, resolve, dismiss, snooze, reopen | T | T | T | - | - | - | - | - | - | -
alert:appeal | open the appeal ticket | - | - | - | - | - | - | O | - | - | -
appeal:decide | grant or refuse an appeal | T | T | T | - | - | - | - | - | - | -
pricePolicy:read | policies, versions, exceptions | T | T | T | T | - | T | O SKUs it lists | - | S | -
pricePolicy:write | create, update, except, simulate | T | T | - | - | - | - | - | - | - | -
observation:write | price observations, snapshots, sale rows | T | T | T | - | - | - | - | - | S | -
task:read | tasks | T | T | T | T | O ticket tasks | T | - | - | S | -
task:write | create, assign, move | T | T | T | T | O ticket tasks | - | - | - | S | -
task:closeLoop | finish with an outcome | T | T | T | T | O ticket tasks | - | - | - | S | -
note:read | notes on what one may read | T | T | T | T | T | - | - | - | - | -
note:write | add a note | T | T | T | T | T | - | - | - | - | -
dashboard:read | summaries and series | T | T | T | T | - | T | O | - | S | -

# Batches
batch:read | batch, items, log, events, report | T | T | T | T | O | M | O | O | S | -
batch:control | preview, create, start, pause, resume, cancel, retry, roll back | T | T | T | - | O | - | O | O | S | -
batch:approve | decide a batch above the amount | T | T | T | - | - | - | - | - | - | -
batch:enforcement | kind ENFORCEMENT | T | T | T | - | - | - | - | - | S | -
batch:import | kind IMPORT | T | T | T | - | - | - | O | - | S | -
batch:listingBulk | kind LISTING_BULK | T | T | - | - | - | - | O | - | S | -
batch:ticketBulk | kind TICKET_BULK | T | T | T | - | O teams | - | - | - | S | -
batch:export | kind EXPORT | T | T | T | O | O | - | O | O | S | -
batch:report | kind REPORT | T | T | T | O | O | - | O | - | S | -
batch:broadcast | kind BROADCAST | T | T | - | - | - | - | - | - | - | -
batch:dsr | kind DSR | T | T | - | - | - | - | - | - | - | -
batch:creditGrant | kind CREDIT_GRANT | T | T | - | - | - | - | - | - | - | -
upload:create | hand over a file for an import | T | T | T | - | - | - | O | - | S | -

# People
session:create | codes, sign-in, invitation, refresh, switch | O | O | O | O | O | O | O | O | - | O
user:read | people with name and contact | T | T | M | M | M | M | O organisation | O self | S | -
user:readStaff | name, role and teams of people with a staff role | T | T | T | T | T | T | O who answers it | O who answers it | S | -
user:invite | invite, withdraw an invitation | T | T | - | - | - | - | O organisation | - | - | -
user:setStatus | suspend, restore | T | T (no OWNER) | - | - | - | - | O organisation | - | - | -
user:setRole | role, dealer, teams | T | T (no OWNER) | - | - | - | - | O organisation | - | - | -
user:unlock | clear the delays of one sign-in key | T | T | - | - | - | - | - | - | - | -
user:impersonate | act for somebody, marked | T | T | - | - | - | - | - | - | - | -
serviceToken:read | tokens, scopes, last use | T | T | - | - | - | - | O | - | - | -
serviceToken:write | create, rotate, revoke | T | T | - | - | - | - | O its own dealer | - | - | -
dsr:submit | ask for one's data or its erasure | O | O | O | O | O | O | O | O | - | -
dsr:decide | reject, extend | T | T | - | - | - | - | - | - | - | -

# Running the place
permission:read | this matrix | T | T | T | T | T | T | T | T | S | -
settings:read | tenant settings | T | T | T | - | - | - | - | - | - | -
settings:write | tenant settings | T | T | - | - | - | - | - | - | - | -
flag:write | feature flags | T | T | - | - | - | - | - | - | - | -
webhook:write | endpoints, replay | T | T | - | - | - | - | - | - | - | -
manifest:write | registered documents | T | T | - | - | - | - | - | - | S | -
system:read | health, queues, dead letters, integrations | T | T | T | - | - | - | - | - | S | -
dlq:replay | replay dead work | T | T | - | - | - | - | - | - | - | -
event:read | the event feed | T | T | - | - | - | - | - | - | S | -
audit:read | audit events | T | T | T | - | - | - | O own organisation | O self | S | -
audit:readRefusals | refused access, reads of personal data | T | T | - | - | - | - | - | - | - | -
audit:verify | check and export the chain | T | T | - | - | - | - | - | - | S | -
retention:write | retention and legal hold | T | - | - | - | - | - | - | - | - | -
tenant:write | name, hosts, tax profile | T | - | - | - | - | - | - | - | - | -
owner:write | make or remove an OWNER | T | - | - | - | - | - | - | - | - | -
"""


class Cell(NamedTuple):
    """What one role may: a letter, and the condition that stands behind it."""

    letter: str
    condition: str = ""

    def __str__(self) -> str:
        return f"{self.letter} {self.condition}".strip()


@dataclass(frozen=True)
class MatrixRow:
    """One row of the matrix."""

    name: str
    group: str
    covers: str
    cells: dict[Role, Cell]

    def admits(self, facts: Facts) -> bool:
        """Whether this role may at all; a service token may what its scopes name."""
        letter = self.cells[facts.role].letter
        return self.name in facts.scopes if letter == "S" else letter != "-"


def read_table(text: str) -> dict[str, MatrixRow]:
    """The rows by name."""
    rows: dict[str, MatrixRow] = {}
    group = ""
    for line in text.strip().splitlines():
        if line.startswith("#"):
            group = line.removeprefix("# ")
        elif line:
            name, covers, *cells = (part.strip() for part in line.split(" | "))
            parsed = [Cell(*cell.split(" ", 1)) for cell in cells]
            rows[name] = MatrixRow(name, group, covers, dict(zip(Role, parsed, strict=True)))
    return rows


MATRIX = read_table(TABLE)
