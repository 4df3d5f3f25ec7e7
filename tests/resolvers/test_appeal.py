"""An appeal: asked by the dealer once per cycle, decided by somebody who did not enforce, and what it takes back."""

import asyncio
from datetime import timedelta
from typing import Any

from souk.models import Batch, BatchItem, Category, Listing, new_id
from souk.resolvers import restriction
from souk.rules.actor import Actor, Role
from souk.rules.enums import RestrictionKind
from tests.resolvers.margin import alerts, at, listing, policy, report, see, sku, statuses
from tests.world import NOW, World

DAY = timedelta(days=1)
TICKET = """ticket { id number version status subject appealCycle appealDecision resolution dealer { name } requester { name }
  subjectRef { __typename ... on Alert { id appeals { nodes { number } } } } }"""


async def noticed(world: World, standing: str = "WARNED", *, by: Role = Role.OPS) -> dict[str, Any]:
    """A listing in breach, its alert AWAITING_CURE by a batch that somebody made, and its dealer's standing."""
    thing = await sku(world)
    await policy(world, thing)
    row = await listing(world, thing, None)
    await see(world, row, 85_000, NOW)
    [alert] = await world.rows("SELECT id FROM alert")
    maker = world.actors[by].user_id
    batch = Batch(
        id=new_id(), kind="ENFORCEMENT", status="COMPLETED", title="Notice", selection={}, plan={}, impact={},
        creator_id=maker, starter_id=world.actors[Role.OWNER].user_id, total=1, succeeded=1,
    )  # fmt: skip
    item = BatchItem(
        id=new_id(), batch_id=batch.id, n=1, status="SUCCEEDED", action="SEND_WARNING", target_type="Alert",
        target_id=alert.id, payload={}, attempt=1, warnings=[],
    )  # fmt: skip
    await world.add(batch, item)
    await world.rows("UPDATE alert SET status = 'AWAITING_CURE', notice_sent_at = :now, cure_due_at = :due RETURNING 1",
                     now=NOW, due=NOW + 3 * DAY)  # fmt: skip
    await world.rows("UPDATE dealer SET standing = :s, notice = 1, cure_due_at = :due WHERE id = :id RETURNING 1",
                     s=standing, due=NOW + 3 * DAY, id=world.dealer)  # fmt: skip
    return {"sku": thing, "listing": row, "id": world.id("Alert", alert.id), "key": alert.id}


async def appeal(world: World, alert: dict[str, Any], who: Role | Actor = Role.DEALER, **more: Any) -> dict[str, Any]:
    return await world.do(who, "alertAppeal", TICKET, alertId=alert["id"], message="We sold *another* thing.", **more)


async def decide(
    world: World, ticket: dict[str, Any], decision: str = "GRANT", who: Role = Role.ADMIN, **more: Any
) -> dict[str, Any]:
    given = {"ticketId": ticket["id"], "decision": decision, "reason": "Heard.", "expectedVersion": 1, **more}
    return await world.do(who, "appealDecide", TICKET, **given)


async def test_a_dealer_appeals_once_in_a_cycle_and_both_show_it(world: World) -> None:
    alert = await noticed(world)
    made = await appeal(world, alert)
    assert made == {
        "ticket": {
            "id": made["ticket"]["id"], "number": 1, "version": 1, "status": "NEW",
            "subject": "Appeal: MAP_BREACH of S-1", "appealCycle": 1, "appealDecision": None, "resolution": None,
            "dealer": {"name": "First Motors"}, "requester": {"name": "DEALER person"},
            "subjectRef": {"__typename": "Alert", "id": alert["id"], "appeals": {"nodes": [{"number": 1}]}},
        },
        "userErrors": [],
    }  # fmt: skip
    again = await appeal(world, alert)
    assert [(e["code"], e["field"]) for e in again["userErrors"]] == [("NOT_UNIQUE", ["alertId"])]
    assert await statuses(world) == [("AWAITING_CURE", 1, 1)]  # it stops nothing by itself
    purposes = "SELECT c.purpose, c.kind FROM ticket t JOIN category c ON c.id = t.category_id"
    assert await world.rows(purposes) == [("APPEAL", "TICKET")]
    await world.rows("UPDATE alert SET cycle = 2 RETURNING 1")
    assert (await appeal(world, alert))["ticket"]["appealCycle"] == 2
    timeline = "{ alerts { nodes { timeline { nodes { type } } } } }"
    told = (await world.data(Role.DEALER, timeline))["alerts"]["nodes"][0]["timeline"]["nodes"]
    assert [event["type"] for event in told] == ["alert.opened", "alert.appealed", "alert.appealed"]


async def test_a_category_of_that_name_becomes_the_one_of_appeals(world: World) -> None:
    category = Category(id=new_id(), kind="TICKET", name="Appeal")
    await world.add(category)
    alert = await noticed(world)
    assert (await appeal(world, alert))["userErrors"] == []
    assert await world.rows("SELECT category_id FROM ticket") == [(category.id,)]
    assert await world.rows("SELECT id, purpose FROM category") == [(category.id, "APPEAL")]


async def test_two_at_once_make_one_appeal(world: World) -> None:
    alert = await noticed(world)
    made = await asyncio.gather(*(appeal(world, alert) for _ in range(3)))
    codes = sorted(str([e["code"] for e in each["userErrors"]]) for each in made)
    assert codes == ["['NOT_UNIQUE']", "['NOT_UNIQUE']", "[]"]
    assert await world.rows("SELECT count(*) FROM ticket") == [(1,)]


async def test_who_may_not_appeal(world: World) -> None:
    alert = await noticed(world)
    document = "mutation($i: AlertAppealInput!) { alertAppeal(input: $i) { ticket { id } } }"
    for role in (Role.OWNER, Role.OPS, Role.SALES, Role.VIEWER, Role.CUSTOMER, Role.PUBLIC):
        answer = await world.ask(role, document, {"i": {"alertId": alert["id"], "message": "No."}})
        assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({"alertAppeal": None}, "FORBIDDEN")
    strange = await appeal(world, alert, world.other_dealer_actor)
    assert [e["code"] for e in strange["userErrors"]] == ["NOT_FOUND"]
    await world.rows("UPDATE alert SET notice_sent_at = NULL RETURNING 1")
    early = await appeal(world, alert)
    assert [e["code"] for e in early["userErrors"]] == ["NOT_FOUND"]
    assert await world.rows("SELECT count(*) FROM ticket") == [(0,)]


async def test_whoever_enforced_does_not_decide(world: World) -> None:
    alert = await noticed(world, by=Role.OPS)
    ticket = (await appeal(world, alert))["ticket"]
    before = await world.rows("SELECT a, d, t FROM alert a, dealer d, ticket t")
    admin = world.actors[Role.ADMIN].user_id
    await world.rows("UPDATE batch SET approver_id = :id RETURNING 1", id=admin)
    for who in (Role.OPS, Role.OWNER, Role.ADMIN):  # who made the batch, in whose name it ran, who approved it
        refused = await decide(world, ticket, who=who)
        assert [e["code"] for e in refused["userErrors"]] == ["FORBIDDEN"]
    empty = await decide(world, ticket, reason=" ")
    assert [(e["code"], e["field"]) for e in empty["userErrors"]] == [("REQUIRED", ["reason"])]
    stale = await decide(world, ticket, expectedVersion=7)
    assert [e["code"] for e in stale["userErrors"]] == ["STALE_VERSION"]
    document = "mutation($i: AppealDecideInput!) { appealDecide(input: $i) { ticket { id } } }"
    given = {"ticketId": ticket["id"], "decision": "GRANT", "reason": "x", "expectedVersion": 1}
    for role in (Role.SALES, Role.AGENT, Role.VIEWER, Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        answer = await world.ask(role, document, {"i": given})
        assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({"appealDecide": None}, "FORBIDDEN")
    assert await world.rows("SELECT a, d, t FROM alert a, dealer d, ticket t") == before
    await world.rows("UPDATE batch SET approver_id = NULL RETURNING 1")
    assert (await decide(world, ticket))["ticket"]["status"] == "RESOLVED", "whoever had no part in it decides"


async def test_a_refused_appeal_is_closed_with_its_reason_and_changes_nothing_else(world: World) -> None:
    alert = await noticed(world)
    ticket = (await appeal(world, alert))["ticket"]
    before = await world.rows("SELECT a, d FROM alert a, dealer d ORDER BY d.id")
    done = await decide(world, ticket, "REFUSE")
    shown = {name: done["ticket"][name] for name in ("status", "appealDecision", "resolution", "version")}
    assert shown == {"status": "RESOLVED", "appealDecision": "REFUSE", "resolution": "Heard.", "version": 2}
    assert await world.rows("SELECT a, d FROM alert a, dealer d ORDER BY d.id") == before
    again = await decide(world, ticket, expectedVersion=2)
    assert [e["code"] for e in again["userErrors"]] == ["INVALID_TRANSITION"]


STOOD = "SELECT standing, notice, cure_due_at FROM dealer WHERE id = :id"


async def test_a_granted_appeal_takes_back_what_rests_on_the_alert(world: World) -> None:
    alert = await noticed(world, "RESTRICTED")
    await world.rows("UPDATE listing SET status = 'SUSPENDED', status_before_suspension = 'PAUSED' RETURNING 1")
    async with at(world, NOW) as tx:
        dealer = await tx.session.get(restriction.Dealer, (world.tenant_id, world.dealer))
        assert dealer is not None
        await restriction.restrict(tx, dealer, [RestrictionKind.OFFER], reason="Too cheap.")
        row = await tx.session.get(Listing, (world.tenant_id, alert["listing"].id))
        tx.emit("listing.suspended", row, data={"cause": "batch SUSPEND_LISTING"})
        await tx.due("alert.cure", alert["key"], NOW + 3 * DAY)
    ticket = (await appeal(world, alert))["ticket"]
    world.now = NOW + DAY
    done = await decide(world, ticket, dismissReason="WRONG_SKU")
    assert (done["userErrors"], done["ticket"]["status"]) == ([], "RESOLVED")
    of_alert = "SELECT status, dismiss_reason, dismissed_at, dismissed_price_minor, cure_due_at FROM alert"
    assert await world.rows(of_alert) == [("DISMISSED", "WRONG_SKU", NOW + DAY, 85_000, None)]
    assert await world.rows(STOOD, id=world.dealer) == [("WATCH", 0, None)]
    assert await world.rows("SELECT kind, until FROM dealer_restriction") == [("OFFER", NOW + DAY)]
    assert await world.rows("SELECT status, status_before_suspension FROM listing") == [("PAUSED", None)]
    work = "SELECT kind FROM souk.work WHERE tenant_id = :t AND kind = 'alert.cure'"
    assert await world.rows(work, t=world.tenant_id) == []
    steps = "SELECT type, from_status, to_status FROM domain_event WHERE at = :at ORDER BY type, seq"
    assert await world.rows(steps, at=NOW + DAY) == [
        ("alert.appeal_granted", None, None), ("alert.dismissed", "AWAITING_CURE", "DISMISSED"),
        ("dealer.standing_changed", "RESTRICTED", "WATCH"), ("dealer.unrestricted", None, None),
        ("listing.reinstated", "SUSPENDED", "PAUSED"), ("ticket.status_changed", "NEW", "OPEN"),
        ("ticket.status_changed", "OPEN", "RESOLVED"),
    ]  # fmt: skip
    assert await world.rows("SELECT count(*) FROM audit_event WHERE op = 'appealDecide'") == [(1,)]
    await report(world, alert["sku"], 85_000, NOW + 2 * DAY)  # the same price opens nothing
    assert [status for status, _, _ in await statuses(world)] == ["DISMISSED"]


async def test_a_suspended_dealer_comes_back_with_what_went_down_with_it(world: World) -> None:
    alert = await noticed(world, "SUSPENDED")
    other = await listing(world, alert["sku"], 120_000)
    await world.rows("UPDATE listing SET status = 'SUSPENDED', status_before_suspension = 'ACTIVE' RETURNING 1")
    async with at(world, NOW) as tx:
        for each, cause in ((alert["listing"], "dealer SUSPENDED"), (other, "listingModerate")):
            tx.emit(
                "listing.suspended", await tx.session.get(Listing, (world.tenant_id, each.id)), data={"cause": cause}
            )
    ticket = (await appeal(world, alert))["ticket"]
    assert (await decide(world, ticket))["userErrors"] == []
    assert await world.rows(STOOD, id=world.dealer) == [("WATCH", 0, None)]
    found = dict(map(tuple, await world.rows("SELECT id, status FROM listing")))
    assert found == {alert["listing"].id: "ACTIVE", other.id: "SUSPENDED"}


async def test_another_notice_holds_the_standing_and_an_open_alert_is_looked_into_first(world: World) -> None:
    alert = await noticed(world)
    second = await sku(world, "S-2")
    await policy(world, second)
    [more] = await report(world, second, 85_000, NOW)
    await world.rows("UPDATE alert SET status = 'AWAITING_CURE', notice_sent_at = :n WHERE id = :id RETURNING 1",
                     n=NOW, id=more.id)  # fmt: skip
    ticket = (await appeal(world, alert))["ticket"]
    assert (await decide(world, ticket))["userErrors"] == []
    assert await world.rows(STOOD, id=world.dealer) == [("WARNED", 1, NOW + 3 * DAY)]

    theirs = {"id": world.id("Alert", more.id)}
    ticket = (await appeal(world, theirs))["ticket"]
    await world.rows("UPDATE alert SET status = 'OPEN' WHERE id = :id RETURNING 1", id=more.id)
    early = await decide(world, ticket)
    assert [e["code"] for e in early["userErrors"]] == ["INVALID_TRANSITION"]
    assert await world.rows("SELECT status, appeal_decision FROM ticket WHERE number = 2") == [("NEW", None)]
    await world.rows("UPDATE alert SET status = 'INVESTIGATING' WHERE id = :id RETURNING 1", id=more.id)
    assert (await decide(world, ticket))["userErrors"] == []
    assert await world.rows(STOOD, id=world.dealer) == [("WATCH", 0, None)]


async def test_a_listing_and_a_standing_are_appealed_against_by_ticket(world: World) -> None:
    alert = await noticed(world)
    category = Category(id=new_id(), kind="TICKET", name="Appeal", purpose="APPEAL")
    await world.add(category)
    seen = await world.data(Role.DEALER, "{ categories(filter: {kind: TICKET}) { nodes { id purpose } } }")
    assert seen["categories"]["nodes"] == [{"id": world.id("Category", category.id), "purpose": "APPEAL"}]

    async def opened(type_: str, row_id: Any, **more: Any) -> dict[str, Any]:
        given = {"subject": "Unjust", "body": "We object.", "subjectRefId": world.id(type_, row_id), **more}
        made = await world.do(Role.DEALER, "ticketCreate", "ticket { id }", **given)
        assert made["userErrors"] == []
        ticket: dict[str, Any] = made["ticket"]
        return ticket

    its = {"categoryId": world.id("Category", category.id)}
    plain = await decide(world, await opened("Dealer", world.dealer))
    assert [(e["code"], e["field"]) for e in plain["userErrors"]] == [("INVALID", ["ticketId"])]

    row = alert["listing"]
    await world.rows("UPDATE listing SET status = 'SUSPENDED', status_before_suspension = 'ACTIVE' RETURNING 1")
    async with world.souk.app.transaction(world.actors[Role.ADMIN], "test", now=NOW) as tx:
        tx.emit("listing.suspended", await tx.session.get(Listing, (world.tenant_id, row.id)), data={"cause": "x"})
    ticket = await opened("Listing", row.id, **its)
    by_hand = await decide(world, ticket)  # ADMIN took it down
    assert [e["code"] for e in by_hand["userErrors"]] == ["FORBIDDEN"]
    another = Actor(world.tenant_id, Role.OPS, user_id=world.actors[Role.SALES].user_id)
    granted = {"ticketId": ticket["id"], "decision": "GRANT", "reason": "Heard.", "expectedVersion": 1}
    assert (await world.do(another, "appealDecide", "ticket { status }", **granted))["ticket"] == {"status": "RESOLVED"}
    assert await world.rows("SELECT status FROM listing") == [("ACTIVE",)]

    ticket = await opened("Dealer", world.dealer, **its)
    assert (await decide(world, ticket))["userErrors"] == []
    assert await world.rows(STOOD, id=world.dealer) == [("WATCH", 0, None)]
    assert [a["status"] for a in await alerts(world)] == ["DISMISSED"]
