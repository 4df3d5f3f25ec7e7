"""The permissions that only the database can answer, spelled a second time in plain SQL over the tables.

By name: what T, M and S cover (`within`), and what is one's own, by role. `t` is the row that is asked about.
"""

from dataclasses import dataclass, field

from souk.rules.actor import Role
from tests.permissions.probes import ANSWERED, OWN, PARTY

Own = dict[str, str]


@dataclass(frozen=True)
class Spelled:
    own: Own = field(default_factory=dict)
    within: str = "true"
    by_role: dict[str, str] = field(default_factory=dict)
    """Another `within` for some roles."""


LIVE = "deleted_at IS NULL"
PUBLISHED = f"status = 'ACTIVE' AND {LIVE} AND visibility = 'PUBLIC'"
INVITED = f"status = 'ACTIVE' AND {LIVE} AND EXISTS (SELECT FROM listing_audience a WHERE a.listing_id = %s AND a.%s)"
SOLD = "{live} AND id IN (SELECT l.dealer_id FROM listing l WHERE {listing})"
TEAM = "(t.team_id IS NOT NULL AND t.team_id = ANY(:teams) OR :all_teams)"
TICKETS = {role: f"({own})" for role, own in OWN["Ticket"].items()} | {
    role.value: "(requester_id = :user OR EXISTS (SELECT FROM ticket_cc c WHERE c.ticket_id = t.id AND c.user_id = :user))"
    for role in (Role.VIEWER,)
}
TICKETS["AGENT"] = f"({TICKETS['VIEWER']} OR {TEAM})"


def of_ticket(own: Own, visibility: str) -> Own:
    return {
        role: f"visibility = '{visibility}' AND ticket_id IN (SELECT t.id FROM ticket t WHERE t.{LIVE} AND {each})"
        for role, each in own.items()
    }


def comments(visibility: str) -> str:
    return f"visibility = '{visibility}' AND ticket_id IN (SELECT id FROM ticket WHERE {LIVE})"


def of(own: Own, column: str, table: str, more: str = "true") -> Own:
    return {role: f"{column} IN (SELECT t.id FROM {table} t WHERE {each}) AND {more}" for role, each in own.items()}


THAT_TICKET, THAT_ALERT = "subject_type = 'Ticket'", "subject_type = 'Alert'"
LIVING = f"subject_id IN (SELECT id FROM ticket WHERE {LIVE})"


UNLOCK = "EXISTS (SELECT FROM lead_unlock u WHERE u.lead_id = t.id AND u.dealer_id = :dealer AND {})"
BOUGHT = UNLOCK.format("u.status <> 'REFUNDED'")
ELIGIBLE = (
    "EXISTS (SELECT FROM dealer d WHERE d.tenant_id = t.tenant_id AND d.id = :dealer AND d.verification = 'VERIFIED'"
    " AND d.standing IN ('GOOD', 'WATCH', 'CURED', 'AUTHORISED', 'WARNED'))"
)
MEMBERS = "id IN (SELECT user_id FROM membership WHERE dealer_id = :dealer AND ended_at IS NULL)"
ELSEWHERE = (
    "id NOT IN (SELECT user_id FROM membership WHERE ended_at IS NULL AND dealer_id IS DISTINCT FROM :dealer"
    " AND role <> 'CUSTOMER')"
)
NO_OWNER = {"ADMIN": "id NOT IN (SELECT user_id FROM membership WHERE role = 'OWNER' AND ended_at IS NULL)"}
ONESELF = dict.fromkeys(("OPS", "SALES", "AGENT", "VIEWER", "CUSTOMER"), "id = :user")
PEOPLE = Spelled(ONESELF | {"DEALER": f"id = :user OR {MEMBERS}"})
STAFF = f"staff AND ({ANSWERED})"
OF_STAFF = f"user_id = :user OR dealer_id IS NULL AND role <> 'CUSTOMER' AND user_id IN (SELECT id FROM app_user WHERE {STAFF})"
MADE = dict.fromkeys((role.value for role in Role if role is not Role.SERVICE), "creator_id = :user")
TASKS = Spelled({"AGENT": f"ticket_id IN (SELECT t.id FROM ticket t WHERE t.{LIVE} AND {TICKETS['AGENT']})"})
THE_TICKET = Spelled({role: f"{LIVE} AND {each}" for role, each in TICKETS.items()}, LIVE)
REVISION = Spelled(of(PARTY, "offer_id", "offer"))
SPELLED: dict[str, Spelled] = {
    "SeesSnapshot": Spelled(of(OWN["Alert"], "alert_id", "alert")),
    "SeesSaleRow": Spelled(of(OWN["Alert"], "alert_id", "alert", "t.dealer_id = :dealer")),
    "ControlsItem": Spelled(of(MADE, "batch_id", "batch")),
    "ReadsImages": Spelled(of(MADE, "batch_id", "batch")),
    "SeesDealer": Spelled(
        within=LIVE,
        by_role={
            "PUBLIC": SOLD.format(live=LIVE, listing=f"{PUBLISHED.replace('deleted_at', 'l.deleted_at')}"),
            "CUSTOMER": SOLD.format(live=LIVE, listing=f"{PUBLISHED} OR {INVITED % ('l.id', 'user_id = :user')}".replace("deleted_at", "l.deleted_at")),
        },
    ),
    "OpensContact": Spelled({
        "SALES": "assignee_id = :user", "CUSTOMER": "user_id = :user",
        "DEALER": f"user_id = :user OR {BOUGHT}",
    }),
    "SeesLead": Spelled({
        "CUSTOMER": "user_id = :user",
        "DEALER": f"user_id = :user OR dealer_id = :dealer OR {UNLOCK.format('true')} OR distribution = 'SHARED'"
                  f" AND unlock_count < max_unlocks AND {ELIGIBLE}",
    }),
    "ReadsPublished": Spelled(
        within=PUBLISHED,
        by_role={
            "DEALER": f"{PUBLISHED} OR {INVITED % ('t.id', 'dealer_id = :dealer')}",
            "CUSTOMER": f"{PUBLISHED} OR {INVITED % ('t.id', 'user_id = :user')}",
        },
    ),
    "ReadsRegistration": Spelled({"DEALER": "id IN (SELECT l.id FROM listing l WHERE l.dealer_id = :dealer)"}),
    "ReadsOfferMessage": REVISION,
    "SeesRevision": REVISION,
    "SeesPolicy": Spelled(OWN["PricePolicy"]),
    "SeesTask": TASKS, "MovesTask": TASKS, "ClosesTask": TASKS,
    "SeesTicket": THE_TICKET, "OpensTicket": THE_TICKET, "CommentsTicket": THE_TICKET,
    "PublicComment": Spelled(of_ticket(TICKETS, "PUBLIC"), comments("PUBLIC")),
    "OpensPublicComment": Spelled(of_ticket(TICKETS, "PUBLIC"), comments("PUBLIC")),
    "OpensTicketReason": Spelled(of(TICKETS, "subject_id", "ticket", f"{THAT_TICKET} AND {LIVING}"), f"{THAT_TICKET} AND {LIVING}"),
    "OpensAlertReason": Spelled(of(OWN["Alert"], "subject_id", "alert", THAT_ALERT), THAT_ALERT),
    "InternalComment": Spelled(of_ticket({"AGENT": TEAM}, "INTERNAL"), comments("INTERNAL")),
    "InvitesUser": Spelled({"DEALER": f"{MEMBERS} AND {ELSEWHERE}"}, by_role=NO_OWNER),
    "SetsUserStatus": Spelled({"DEALER": f"{MEMBERS} AND {ELSEWHERE}"}, by_role=NO_OWNER),
    "SetsRole": Spelled({"DEALER": MEMBERS}, by_role=NO_OWNER),
    "Impersonates": Spelled(by_role=NO_OWNER),
    "ReadsUser": PEOPLE,
    "OpensUser": PEOPLE,
    "ReadsStaff": Spelled({"DEALER": STAFF, "CUSTOMER": STAFF}, "staff"),
    "SeesMembership": Spelled({"CUSTOMER": OF_STAFF, "DEALER": f"{OF_STAFF} OR dealer_id = :dealer"}),
}  # fmt: skip
