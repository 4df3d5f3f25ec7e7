"""Acts that make something, or that share their mutation with another row: what is handed in, and what it changes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

from souk.engine.symbols import write_id
from souk.models import ServiceToken, new_id
from souk.rules.actor import Actor, Role
from tests.isolation.conftest import FILE
from tests.permissions.conftest import Cells

Input = dict[str, Any] | None
Given = Callable[["Cells", Actor, bool], Awaitable[Input]]
NUMBERS = count(1)


@dataclass
class Act:
    """One mutation for one row. `given` makes an input on something of one's own or of others; None: there is no such thing.

    `changes` is the table of the effect. `door` are rows of the matrix that open the same mutation, so that a role
    without this row is refused by what it asks for and not before. `mine` says of the newest row of `changes` that it is
    the actor's own. `also` are scopes that a token needs besides.
    """

    row: str
    mutation: str
    changes: str
    given: Given
    door: tuple[str, ...] = ()
    mine: str = ""
    also: tuple[str, ...] = ()
    refused: tuple[bool, ...] = (True, False)
    """For a role that another row lets in: what of it is refused, what is its own (True) or others' (False)."""
    instead: bool = False
    """Whether such a role does by the same mutation what the other row covers, and only that."""
    besides: tuple[Role, ...] = ()
    """Roles for which there is no such thing; another act of the row asks for them."""


def _dealer(actor: Actor) -> str:
    return f"'{actor.dealer_id}'" if actor.dealer_id else "NULL"


def _global(type_: str, id_: UUID | None) -> str:
    assert id_ is not None, f"no {type_} to act on"
    return write_id(type_, id_)


async def _a_listing(cells: Cells, actor: Actor, own: bool) -> Input:
    """A public listing on which the actor has no offer yet; it is always oneself who asks."""
    if not own:
        return None
    parties = f"o.proposer_user_id = :user OR o.proposer_dealer_id = {_dealer(actor)}"
    listing = await cells.find(
        f"""SELECT id FROM listing l WHERE status = 'ACTIVE' AND visibility = 'PUBLIC' AND deleted_at IS NULL AND currency = 'INR'
        AND price_minor IS NOT NULL AND dealer_id IS DISTINCT FROM {_dealer(actor)}
        AND NOT EXISTS (SELECT FROM offer o WHERE o.listing_id = l.id AND ({parties})) ORDER BY id""",
        user=actor.user_id,
    )
    free = "UPDATE deal SET status = 'CANCELLED' WHERE listing_id = :listing RETURNING id"
    await cells.two.here.world.rows(free, listing=listing)
    return {"listingId": _global("Listing", listing), "amount": {"amount": "500.00", "currencyCode": "INR"}}


async def _a_question(cells: Cells, actor: Actor, own: bool) -> Input:
    if not own:
        return None
    sql = "SELECT id FROM listing WHERE status = 'ACTIVE' AND visibility = 'PUBLIC' AND deleted_at IS NULL ORDER BY id"
    return {
        "listingId": _global("Listing", await cells.find(sql)),
        "name": "Somebody",
        "phone": f"+9198{next(NUMBERS):08}",
    }


async def _a_request(cells: Cells, actor: Actor, own: bool) -> Input:
    """For oneself, or in the name of another person."""
    made: dict[str, Any] = {"subject": "A question", "body": "What *now*?"}
    if own and actor.user_id is not None:
        return made
    another = next(who for who in cells.two.here.others if who.role is Role.CUSTOMER)
    return made | {"requesterId": _global("User", another.user_id)}


async def _an_invitation(cells: Cells, actor: Actor, own: bool) -> Input:
    """A colleague for the own organisation or for another one; a person of staff where there is no organisation."""
    made = {"name": "New one", "email": f"new{next(NUMBERS)}@{actor.tenant_id.hex}.example.com"}
    if actor.role is not Role.DEALER:
        return made | {"role": "AGENT"}
    dealer = await cells.find(f"SELECT id FROM dealer WHERE (id = {_dealer(actor)}) IS {own} AND deleted_at IS NULL")
    return made | {"role": "DEALER", "dealerId": _global("Dealer", dealer)}


async def _a_note(cells: Cells, actor: Actor, own: bool) -> Input:
    """On a ticket that the actor may read, or on one that it may not."""
    mine = {Role.AGENT: "team_id = :team", Role.SALES: "requester_id = :user"}.get(actor.role, "true")
    team = actor.team_ids[0] if actor.team_ids else None
    used = {n: v for n, v in (("team", team), ("user", actor.user_id)) if f":{n}" in mine}
    ticket = await cells.find(f"SELECT id FROM ticket WHERE deleted_at IS NULL AND {mine} ORDER BY id", **used)
    return {"id": _global("Ticket", ticket), "body": "Seen."}


def _a_lead(to: str) -> Given:
    async def given(cells: Cells, actor: Actor, own: bool) -> Input:
        """A NEW lead that the actor sees, with or without an unlock of its dealer."""
        bought = f"EXISTS (SELECT FROM lead_unlock u WHERE u.lead_id = l.id AND u.dealer_id = {_dealer(actor)} AND u.status <> 'REFUNDED')"
        seen = f"dealer_id = {_dealer(actor)}" if actor.dealer_id and not own else "true"
        sql = f"SELECT id FROM lead l WHERE {'' if own else 'NOT '}{bought} AND {seen} AND unlock_count < 3 ORDER BY id"
        lead = await cells.find(sql)
        if lead is None:
            return None
        for anew in ("UPDATE lead SET status = 'NEW', lost_reason = NULL WHERE id = :id RETURNING id",
                     "UPDATE lead_unlock SET status = 'OPEN' WHERE lead_id = :id AND status <> 'REFUNDED' RETURNING id"):  # fmt: skip
            await cells.two.here.world.rows(anew, id=lead)
        return {"id": write_id("Lead", lead), "to": to}

    return given


def _a_comment(visibility: str) -> Given:
    async def given(cells: Cells, actor: Actor, own: bool) -> Input:
        """On an open ticket that the actor asked for, or works on as an AGENT; or on one that is not its own."""
        copied = "EXISTS (SELECT FROM ticket_cc c WHERE c.ticket_id = t.id AND c.user_id = :user)"
        teams = ", ".join(f"'{team}'" for team in actor.team_ids)
        worked = f"team_id IN ({teams})" if teams else "false"
        mine = worked if visibility == "INTERNAL" and teams else f"{worked} OR requester_id = :user OR {copied}"
        used = {"user": actor.user_id} if ":user" in mine else {}
        sql = f"SELECT id FROM ticket t WHERE coalesce({mine}, false) IS {own} AND deleted_at IS NULL AND status NOT IN ('CANCELLED') ORDER BY id"
        ticket = await cells.find(sql, **used)
        if ticket is None:
            return None
        anew = "UPDATE ticket SET status = 'OPEN', hold_reason = NULL WHERE id = :id RETURNING id"
        await cells.two.here.world.rows(anew, id=ticket)
        return {"id": write_id("Ticket", ticket), "body": "Said.", "visibility": visibility}

    return given


def _an_alert(**to: Any) -> Given:
    async def given(cells: Cells, actor: Actor, own: bool) -> Input:
        alert = await cells.find("SELECT id FROM alert ORDER BY id")
        anew = """UPDATE alert SET status = 'OPEN', resolved_at = NULL, resolution = NULL, dismissed_at = NULL, dismiss_reason = NULL,
                  dismissed_price_minor = NULL, cure_due_at = NULL WHERE id = :id RETURNING version"""
        ((version,),) = await cells.two.here.world.rows(anew, id=alert)
        return {"id": _global("Alert", alert), "expectedVersion": version, **to}

    return given


async def _an_appeal(cells: Cells, actor: Actor, own: bool) -> Input:
    """Against an alert of the own dealer after its notice, not yet appealed against in this cycle."""
    mine = f"(dealer_id = '{actor.dealer_id}') IS {own}" if actor.dealer_id else "true"
    sql = f"SELECT id FROM alert WHERE {mine} AND notice_sent_at IS NOT NULL AND status <> 'DISMISSED' ORDER BY id"
    alert = await cells.find(sql)
    if alert is None:
        return None
    await cells.two.here.world.rows("UPDATE alert SET cycle = cycle + 1 WHERE id = :id RETURNING id", id=alert)
    return {"alertId": write_id("Alert", alert), "message": "It was *another* thing."}


async def _a_decision(cells: Cells, actor: Actor, own: bool) -> Input:
    """Of an appeal against an alert on which no batch acted yet."""
    free = "NOT EXISTS (SELECT FROM batch_item i WHERE i.target_id = a.id AND i.status = 'SUCCEEDED')"
    alert = await cells.find(f"SELECT id FROM alert a WHERE {free} ORDER BY id")
    ticket = await cells.find("SELECT id FROM ticket WHERE deleted_at IS NULL ORDER BY id")
    anew = """UPDATE ticket SET status = 'OPEN', subject_type = 'ALERT', subject_id = :alert, appeal_cycle = 1, appeal_decision = NULL,
              hold_reason = NULL WHERE id = :id RETURNING version"""
    ((version,),) = await cells.two.here.world.rows(anew, id=ticket, alert=alert)
    return {"ticketId": _global("Ticket", ticket), "decision": "REFUSE", "reason": "No.", "expectedVersion": version}


async def _a_warning(cells: Cells, actor: Actor, own: bool) -> Input:
    alert = await cells.find("SELECT id FROM alert ORDER BY id")
    plan = {"action": "SEND_WARNING", "reason": "Too cheap."}
    return {"kind": "ENFORCEMENT", "plan": plan, "selection": {"alertIds": [_global("Alert", alert)]}}


async def _a_file(cells: Cells, actor: Actor, own: bool) -> Input:
    """A file of the own dealer or another's, for the own dealer."""
    where = f"(dealer_id IS NOT DISTINCT FROM {_dealer(actor)}) IS {own}" if actor.dealer_id else "true"
    upload = await cells.find(f"SELECT id FROM upload WHERE {where} ORDER BY id")
    dealer = actor.dealer_id or cells.two.here.world.dealer
    plan = {"mapping": "used_bikes", "dealerId": write_id("Dealer", dealer)}
    return {"kind": "IMPORT", "plan": plan, "selection": {"uploadId": _global("Upload", upload)}}


async def _a_picture(cells: Cells, actor: Actor, own: bool) -> Input:
    """A file that is what was handed over, for an alert as it is now."""
    alert = await cells.find("SELECT id FROM alert ORDER BY id")
    (row,) = await cells.two.here.world.rows("SELECT version FROM alert WHERE id = :id", id=alert)
    sql = """UPDATE upload SET media_type = 'image/png', sha256 = :hash, expires_at = '2999-01-01' WHERE id = :id RETURNING id"""
    chosen = await cells.find("SELECT id FROM upload ORDER BY id")
    upload = await cells.find(sql, id=chosen, hash=sha256(FILE.encode()).digest())
    return {"id": _global("Alert", alert), "uploadId": _global("Upload", upload), "expectedVersion": row.version}


async def _an_owner(cells: Cells, actor: Actor, own: bool) -> Input:
    """A person that the actor may appoint, made an OWNER."""
    mine = f"dealer_id = {_dealer(actor)}" if actor.role is Role.DEALER else "role = 'AGENT'"
    person = await cells.find(f"SELECT user_id FROM membership WHERE {mine} AND ended_at IS NULL ORDER BY id")
    ((version,),) = await cells.two.here.world.rows("SELECT version FROM app_user WHERE id = :id", id=person)
    return {"id": _global("User", person), "expectedVersion": version, "role": "OWNER"}


async def _a_code(cells: Cells, actor: Actor, own: bool) -> Input:
    """A code for oneself. Whoever asks is nobody yet, so that there is nothing of others to ask for."""
    return {"email": f"code{next(NUMBERS)}@{actor.tenant_id.hex}.example.com"} if own else None


async def _a_role(cells: Cells, actor: Actor, own: bool) -> Input:
    """The own role, or another person's."""
    mine = f"user_id = '{actor.user_id}'" if actor.user_id else "true"
    member = await cells.find(f"SELECT id FROM membership WHERE ({mine}) IS {own} AND ended_at IS NULL ORDER BY id")
    return {"membershipId": _global("Membership", member)} if member else None


async def _a_customer(cells: Cells, actor: Actor, own: bool) -> UUID:
    """A person with one role, who may sign in."""
    only = "SELECT count(*) FROM membership m WHERE m.user_id = u.id AND m.ended_at IS NULL"
    sql = f"SELECT id FROM app_user u WHERE status = 'ACTIVE' AND NOT staff AND email IS NOT NULL AND ({only}) = 1 ORDER BY id"
    found = await cells.find(sql)
    assert found is not None
    return found


async def _a_slow_one(cells: Cells, actor: Actor, own: bool) -> Input:
    return {"id": write_id("User", await _a_customer(cells, actor, own))}


async def _a_person(cells: Cells, actor: Actor, own: bool) -> Input:
    return {"id": write_id("User", await _a_customer(cells, actor, own)), "reason": "They asked for help."}


async def _a_token(cells: Cells, actor: Actor, own: bool) -> Input:
    """For the own dealer or another one; for the whole tenant where there is no dealer."""
    made = {"name": f"Token {next(NUMBERS)}", "scopes": ["listing:read"], "expiresAt": "2026-12-22T09:00:00Z"}
    if actor.dealer_id is None:
        return made
    dealer = await cells.find(f"SELECT id FROM dealer WHERE (id = {_dealer(actor)}) IS {own} AND deleted_at IS NULL")
    return made | {"dealerId": _global("Dealer", dealer)}


async def _a_live_token(cells: Cells, actor: Actor, own: bool) -> Input:
    """One that nobody rotated yet, of the own dealer or another one; of the whole tenant where there is no dealer."""
    dealer = None
    if actor.dealer_id is not None:
        dealer = await cells.find(
            f"SELECT id FROM dealer WHERE (id = {_dealer(actor)}) IS {own} AND deleted_at IS NULL"
        )
    world, name = cells.two.here.world, f"Former {next(NUMBERS)}"
    token = ServiceToken(
        id=new_id(), name=name, prefix=name, hash=sha256(name.encode()).digest(), scopes=["listing:read"],
        dealer_id=dealer, expires_at=world.now + timedelta(days=60),
    )  # fmt: skip
    await world.add(token)
    return {"id": _global("ServiceToken", token.id), "expiresAt": "2026-12-22T09:00:00Z"}


async def _thresholds(cells: Cells, actor: Actor, own: bool) -> Input:
    ((version,),) = await cells.two.here.world.rows("SELECT n FROM tenant_settings WHERE current")
    return {"expectedVersion": version, "leadDays": 100 + next(NUMBERS) % 100}


async def _a_flag(cells: Cells, actor: Actor, own: bool) -> Input:
    return {"key": f"probe-{next(NUMBERS)}", "about": "Something new.", "enabled": True}


async def _a_team(cells: Cells, actor: Actor, own: bool) -> Input:
    return {"name": f"Line {next(NUMBERS)}"}


MOVES = ("lead:setStatus", "unlock:setStatus")


async def _a_dead_item(cells: Cells, actor: Actor, own: bool) -> Input:
    """What died in a batch that can take it up; it is nobody's own."""
    dead = await cells.find(
        """SELECT i.id FROM batch_item i JOIN batch b ON b.id = i.batch_id WHERE i.status = 'DEAD'
           AND b.status IN ('RUNNING', 'PAUSED', 'COMPLETED_WITH_ERRORS', 'FAILED') ORDER BY i.id LIMIT 1"""
    )
    return None if own else {"id": _global("BatchItem", dead), "reason": "Mended."}


async def _an_export(cells: Cells, actor: Actor, own: bool) -> Input:
    """It is always for oneself: of others there is none to ask for."""
    return {"list": "LISTINGS", "format": "CSV"} if own else None


COMMENTS = ("ticket:comment", "ticket:internal")
ALERTS = ("alert:acknowledge", "alert:transition")
ACTS = [
    Act("offer:create", "offerCreate", "offer", _a_listing, mine="CASE WHEN CAST(:dealer AS uuid) IS NULL THEN proposer_user_id = :user ELSE proposer_dealer_id = :dealer END"),
    Act("lead:create", "leadCreate", "lead", _a_question, mine="user_id IS NOT DISTINCT FROM :user", also=("listing:read",)),
    Act("ticket:create", "ticketCreate", "ticket", _a_request, mine="requester_id = :user", also=("ticket:read", "user:read")),
    Act("user:invite", "userInvite", "membership", _an_invitation, mine="dealer_id = :dealer"),
    Act("note:write", "noteAdd", "note", _a_note),
    Act("lead:setStatus", "leadSetStatus", "lead", _a_lead("CONTACTED"), MOVES, refused=(False,)),
    Act("unlock:setStatus", "leadSetStatus", "lead_unlock", _a_lead("CONTACTED"), MOVES, refused=(False,), instead=True),
    Act("ticket:comment", "commentAdd", "ticket_comment", _a_comment("PUBLIC"), COMMENTS, also=("ticket:read",)),
    Act("ticket:internal", "commentAdd", "ticket_comment", _a_comment("INTERNAL"), COMMENTS, also=("ticket:read",)),
    Act("alert:acknowledge", "alertTransition", "alert", _an_alert(to="ACKNOWLEDGED"), ALERTS),
    Act("alert:transition", "alertTransition", "alert", _an_alert(to="DISMISSED", dismissReason="WRONG_SKU"), ALERTS),
    Act("alert:appeal", "alertAppeal", "ticket", _an_appeal, mine="requester_id = :user"),
    Act("appeal:decide", "appealDecide", "ticket", _a_decision),
    Act("observation:write", "alertAddEvidence", "evidence_snapshot", _a_picture, also=("alert:read", "upload:create")),
    Act("batch:enforcement", "batchPreview", "batch_preview", _a_warning, ("batch:control",), also=("batch:control", "alert:read")),
    Act("batch:import", "batchPreview", "batch_preview", _a_file, ("batch:control",),
        also=("batch:control", "upload:create", "dealer:read", "listing:read", "listing:readUnpublished", "listing:write")),
    Act("batch:export", "exportCreate", "batch", _an_export,
        mine="kind = 'EXPORT' AND creator_id = :user AND dealer_id IS NOT DISTINCT FROM :dealer", also=("listing:read",)),
    Act("dlq:replay", "dlqReplay", "batch_item", _a_dead_item),
    Act("session:create", "otpRequest", "sign_in_challenge", _a_code),
    Act("session:create", "sessionSwitch", "session", _a_role, mine="membership_id IN (SELECT id FROM membership WHERE user_id = :user)",
        besides=(Role.PUBLIC,)),
    Act("user:unlock", "userUnlock", "login_attempt", _a_slow_one),
    Act("user:impersonate", "userImpersonate", "session", _a_person),
    Act("serviceToken:write", "serviceTokenCreate", "service_token", _a_token, mine="dealer_id = :dealer"),
    Act("serviceToken:write", "serviceTokenRotate", "service_token", _a_live_token,
        mine="dealer_id = :dealer AND rotates_id IS NOT NULL"),
    Act("settings:write", "settingsUpdate", "tenant_settings", _thresholds),
    Act("flag:write", "flagSet", "feature_flag", _a_flag),
    Act("team:write", "teamCreate", "team", _a_team),
    Act("owner:write", "userSetRole", "membership", _an_owner, ("user:setRole",), also=("user:read", "user:readStaff")),
]  # fmt: skip
