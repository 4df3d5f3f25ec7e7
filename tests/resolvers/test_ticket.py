"""Tickets: who sees what of them, what people write, and the way they go."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from souk.models import Category, Listing, Team, new_id
from souk.resolvers import markdown
from souk.resolvers import ticket as resolve
from souk.rules.actor import Actor, Role
from tests.world import World

COMMENTS = (
    "query($id: ID!) { ticket(id: $id) { comments { totalCount nodes { visibility bodyMarkdown byRequester } } } }"
)
FIND = "query($t: String!) { tickets(filter: {text: $t}) { totalCount nodes { id } } }"


async def opened(world: World, who: Role | Actor = Role.CUSTOMER, **more: Any) -> str:
    given = {"subject": "Where is my bike?", "body": "I paid **yesterday**.", **more}
    payload = await world.do(who, "ticketCreate", "ticket { id }", **given)
    assert payload["userErrors"] == []
    return str(payload["ticket"]["id"])


async def comment(world: World, who: Role | Actor, id_: str, body: str, visibility: str = "PUBLIC") -> dict[str, Any]:
    world.now += timedelta(minutes=1)
    return await world.do(
        who,
        "commentAdd",
        "comment { ticket { id number followUpOf { number } } }",
        id=id_,
        body=body,
        visibility=visibility,
    )


async def move(world: World, who: Role | Actor, id_: str, to: str, **more: Any) -> dict[str, Any]:
    version = (await world.data(Role.OWNER, "query($id: ID!) { ticket(id: $id) { version } }", {"id": id_}))["ticket"]
    return await world.do(
        who, "ticketTransition", "ticket { status }", id=id_, to=to, expectedVersion=version["version"], **more
    )


async def row(world: World, columns: str, number: int = 1) -> Any:
    return (await world.rows(f"SELECT {columns} FROM ticket WHERE number = :n", n=number))[0]


async def system(world: World, work: Any) -> None:
    async with world.souk.app.transaction(Actor(world.tenant_id, Role.OWNER), "test", now=world.now, system=True) as tx:
        await work(tx)


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_a_ticket_is_numbered_sanitised_and_announced_once_per_key(world: World) -> None:
    given = {
        "subject": " Where  is it? ",
        "body": "Hello <script>alert(1)</script> **you**",
        "idempotencyKey": world.key(),
    }
    for _ in range(2):
        payload = await world.do(
            Role.CUSTOMER,
            "ticketCreate",
            "ticket { number status priority subject bodyHtml version } idempotencyReplayed",
            **given,
        )
    assert payload == {
        "ticket": {
            "number": 1, "status": "NEW", "priority": "NORMAL", "subject": "Where is it?", "version": 1,
            "bodyHtml": "<p>Hello &lt;script&gt;alert(1)&lt;/script&gt; <strong>you</strong></p>\n",
        },
        "idempotencyReplayed": True,
        "userErrors": [],
    }  # fmt: skip
    await opened(world, Role.DEALER)
    assert await world.rows("SELECT number, requester_dealer_id FROM ticket ORDER BY number") == [
        (1, None),
        (2, world.dealer),
    ]
    events = "SELECT type, to_status, data FROM domain_event WHERE type LIKE 'ticket.%' ORDER BY data->>'number'"
    assert await world.rows(events) == [
        ("ticket.created", "NEW", {"number": 1}),
        ("ticket.created", "NEW", {"number": 2}),
    ]
    refused = await world.do(Role.CUSTOMER, "ticketCreate", "ticket { id }", subject="x", body="y" * 20_001)
    assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [
        ("REQUIRED", ["subject"]),
        ("TOO_LONG", ["body"]),
    ]
    assert await world.rows("SELECT max(number) FROM ticket") == [(2,)]


@pytest.mark.parametrize(
    "vector",
    [
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt&#58;alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        "![a](https://evil.example/pixel.png)",
        "<svg/onload=alert(1)>",
        "[a](https://x.example \"' onmouseover=alert(1) x='\")",
        "<a href='vbscript:x'>y</a>",
        "```<script>\nalert(1)\n</script>```",
        "<iframe src=javascript:alert(1)></iframe>",
        "[x]: javascript:alert(1)\n[x]",
        '<https://ok.example/"onclick=alert(1)>',
    ],
)
def test_no_markdown_becomes_a_script(vector: str) -> None:
    shown = markdown.html(vector)
    tags = "".join(part.split(">", 1)[0] + "|" for part in shown.split("<")[1:]).lower()
    for bad in (
        "script",
        "img",
        "svg",
        "iframe",
        "onerror=",
        "onload=",
        " onclick=",
        "javascript:",
        "vbscript:",
        "data:",
    ):
        assert bad not in tags, shown


def test_a_link_says_nothing_about_where_it_was_read() -> None:
    assert markdown.html("[a](https://x.example)") == (
        '<p><a href="https://x.example" rel="nofollow noopener noreferrer">a</a></p>\n'
    )


async def test_who_sees_a_ticket_and_what_of_it(world: World) -> None:
    id_ = await opened(world, ccIds=[])
    document = "query($id: ID!) { ticket(id: $id) { number subject holdReason } tickets { totalCount } }"
    for role, count in [(Role.OWNER, 1), (Role.OPS, 1), (Role.AGENT, 1), (Role.SALES, 0), (Role.DEALER, 0)]:
        found = await world.data(role, document, {"id": id_})
        assert found["tickets"]["totalCount"] == count, role
        assert (found["ticket"] is not None) == bool(count), role
    masked = await world.ask(Role.VIEWER, document, {"id": id_})
    assert masked["data"]["ticket"] == {"number": 1, "subject": None, "holdReason": None}
    assert [e["path"] for e in masked["errors"]] == [["ticket", "subject"], ["ticket", "holdReason"]]
    own = await world.ask(Role.CUSTOMER, document, {"id": id_})
    assert own["data"]["ticket"] == {"number": 1, "subject": "Where is my bike?", "holdReason": None}
    assert (await world.data(world.other_customer, document, {"id": id_}))["tickets"]["totalCount"] == 0
    assert (await world.ask(Role.PUBLIC, document, {"id": id_}))["data"] == {"ticket": None, "tickets": None}


async def test_an_agent_sees_the_tickets_of_its_teams(world: World) -> None:
    id_ = await opened(world)
    team, other = Team(id=new_id(), name="One"), Team(id=new_id(), name="Two")
    await world.add(team, other)
    one = world.actors[Role.AGENT]
    limited = Actor(world.tenant_id, Role.AGENT, user_id=one.user_id, team_ids=(team.id,))
    document = "{ tickets { nodes { number team { name } } } }"
    assert (await world.data(limited, document))["tickets"]["nodes"] == []
    assert codes(await world.do(limited, "ticketAssign", "ticket { id }", id=id_, teamId=None, expectedVersion=1)) == [
        "NOT_FOUND"
    ]
    payload = await world.do(
        one, "ticketAssign", "ticket { status team { name } assignee { name } }",
        id=id_, teamId=world.id("Team", team.id), assigneeId=world.id("User", one.user_id), expectedVersion=1,
    )  # fmt: skip
    assert payload["ticket"] == {"status": "OPEN", "team": {"name": "One"}, "assignee": {"name": "AGENT person"}}
    assert (await world.data(limited, document))["tickets"]["nodes"] == [{"number": 1, "team": {"name": "One"}}]
    elsewhere = Actor(world.tenant_id, Role.AGENT, user_id=one.user_id, team_ids=(other.id,))
    assert (await world.data(elsewhere, document))["tickets"]["nodes"] == []
    nobody = await world.do(
        one,
        "ticketAssign",
        "ticket { id }",
        id=id_,
        assigneeId=world.id("User", world.actors[Role.SALES].user_id),
        expectedVersion=2,
    )
    assert [(e["code"], e["field"]) for e in nobody["userErrors"]] == [("INVALID", ["assigneeId"])]
    events = "SELECT type FROM domain_event WHERE subject_type = 'Ticket' ORDER BY seq"
    assert await world.rows(events) == [("ticket.created",), ("ticket.assigned",), ("ticket.status_changed",)]
    # who answers is shown by name to who asked
    seen = await world.data(
        Role.CUSTOMER, "query($id: ID!) { ticket(id: $id) { assignee { name } team { name } } }", {"id": id_}
    )
    assert seen["ticket"] == {"assignee": {"name": "AGENT person"}, "team": None}


async def test_internal_comments_are_absent_from_list_count_search_and_node(world: World) -> None:
    id_ = await opened(world)
    await comment(world, Role.AGENT, id_, "zebrafish: suspicious payer", "INTERNAL")
    await comment(world, Role.AGENT, id_, "We look into giraffes.")
    staff = (await world.data(Role.AGENT, COMMENTS, {"id": id_}))["ticket"]["comments"]
    assert (staff["totalCount"], [n["visibility"] for n in staff["nodes"]]) == (2, ["INTERNAL", "PUBLIC"])
    theirs = (await world.data(Role.CUSTOMER, COMMENTS, {"id": id_}))["ticket"]["comments"]
    assert theirs == {
        "totalCount": 1,
        "nodes": [{"visibility": "PUBLIC", "bodyMarkdown": "We look into giraffes.", "byRequester": False}],
    }
    viewer = await world.ask(Role.VIEWER, COMMENTS, {"id": id_})
    assert viewer["data"]["ticket"]["comments"] == {
        "totalCount": 1,
        "nodes": [{"visibility": "PUBLIC", "bodyMarkdown": None, "byRequester": False}],
    }
    for words, finders in [("zebrafish", {Role.OPS, Role.AGENT}), ("giraffes", {Role.OPS, Role.AGENT, Role.CUSTOMER})]:
        for role in (Role.OPS, Role.AGENT, Role.CUSTOMER, Role.VIEWER, Role.SALES):
            found = (await world.data(role, FIND, {"t": words}))["tickets"]["totalCount"]
            assert found == (1 if role in finders else 0), (words, role)
    hidden = (await world.rows("SELECT id FROM ticket_comment WHERE visibility = 'INTERNAL'"))[0].id
    node = "query($id: ID!) { node(id: $id) { ... on TicketComment { bodyMarkdown } } }"
    assert (await world.data(Role.CUSTOMER, node, {"id": world.id("TicketComment", hidden)})) == {"node": None}
    assert await world.rows("SELECT internal FROM domain_event WHERE type = 'ticket.commented' ORDER BY seq") == [
        (True,),
        (False,),
    ]
    refused = await comment(world, Role.CUSTOMER, id_, "me too", "INTERNAL")
    assert codes(refused) == ["FORBIDDEN"]
    assert await world.rows("SELECT count(*) FROM ticket_comment") == [(2,)]


async def test_the_first_word_of_an_agent_opens_and_a_comment_moves_no_version(world: World) -> None:
    id_ = await opened(world)
    await comment(world, Role.CUSTOMER, id_, "Anybody?")
    assert tuple(await row(world, "status, version")) == ("NEW", 1)
    await comment(world, Role.OPS, id_, "Note to self.", "INTERNAL")
    assert tuple(await row(world, "status, version, agent_replied_at IS NULL")) == ("OPEN", 2, True)
    await comment(world, Role.OPS, id_, "Hello.")
    assert tuple(await row(world, "status, version, agent_replied_at")) == ("OPEN", 2, world.now)


async def test_a_ticket_waits_only_after_an_answer_and_the_requester_takes_it_back(world: World) -> None:
    id_ = await opened(world)
    await comment(world, Role.AGENT, id_, "Which one?")
    await comment(world, Role.CUSTOMER, id_, "The red one.")
    refused = await move(world, Role.AGENT, id_, "WAITING_ON_REQUESTER")
    assert codes(refused) == ["INVALID_TRANSITION"]
    assert (await row(world, "status")).status == "OPEN"
    await comment(world, Role.AGENT, id_, "Which red one?")
    assert (await move(world, Role.AGENT, id_, "WAITING_ON_REQUESTER"))["ticket"] == {"status": "WAITING_ON_REQUESTER"}
    work, mine = "SELECT kind, due_at FROM souk.work WHERE kind LIKE 'ticket.%' AND tenant_id = :t", world.tenant_id
    assert await world.rows(work, t=mine) == [("ticket.resolve", world.now + timedelta(days=7))]
    await comment(world, Role.CUSTOMER, id_, "The big one.")
    assert tuple(await row(world, "status, reopen_count")) == ("OPEN", 0)
    assert await world.rows(work, t=mine) == []


async def test_resolved_closes_by_itself_reopens_by_a_comment_and_closed_has_a_follow_up(world: World) -> None:
    id_ = await opened(world)
    await comment(world, Role.AGENT, id_, "Found it.")
    assert codes(await move(world, Role.AGENT, id_, "RESOLVED")) == ["REQUIRED"]
    assert (await move(world, Role.AGENT, id_, "RESOLVED", resolution="Found."))["ticket"] == {"status": "RESOLVED"}
    await comment(world, Role.CUSTOMER, id_, "It is lost again.")
    assert tuple(await row(world, "status, reopen_count, resolution")) == ("OPEN", 1, "Found.")
    await move(world, Role.AGENT, id_, "RESOLVED", resolution="Again.")
    close = "SELECT kind, ref, due_at FROM souk.work WHERE kind = 'ticket.close' AND tenant_id = :t"
    (due,) = await world.rows(close, t=world.tenant_id)
    assert due.due_at == world.now + timedelta(hours=72)
    ref: UUID = due.ref
    await system(world, lambda tx: resolve.close_resolved(tx, ref))
    assert (await row(world, "status")).status == "RESOLVED", "the time has not come"
    world.now = due.due_at
    await system(world, lambda tx: resolve.close_resolved(tx, ref))
    assert tuple(await row(world, "status, closed_at")) == ("CLOSED", world.now)
    assert await world.rows("SELECT count(*) FROM souk.work WHERE ref = :r", r=ref) == [(0,)]

    late = await comment(world, Role.CUSTOMER, id_, "And again.")
    assert late["comment"]["ticket"]["number"] == 2
    assert late["comment"]["ticket"]["followUpOf"] == {"number": 1}
    assert tuple(await row(world, "status, reopen_count")) == ("CLOSED", 1)
    assert tuple(await row(world, "status, subject, body_markdown", 2)) == (
        "NEW",
        "Where is my bike?",
        "Follow-up of #1.",
    )


async def test_time_resolves_what_nobody_answers_and_ends_a_hold(world: World) -> None:
    id_ = await opened(world)
    await comment(world, Role.AGENT, id_, "Which one?")
    await move(world, Role.AGENT, id_, "WAITING_ON_REQUESTER")
    ref = (await row(world, "id")).id
    await system(world, lambda tx: resolve.resolve_unanswered(tx, ref))
    assert (await row(world, "status")).status == "RESOLVED"

    held = await opened(world)
    await comment(world, Role.AGENT, held, "Hm.", "INTERNAL")
    assert codes(await move(world, Role.AGENT, held, "ON_HOLD")) == ["REQUIRED"]
    until = (world.now + timedelta(hours=1)).isoformat()
    await move(world, Role.AGENT, held, "ON_HOLD", reason="Waits for the bank.", resumeAt=until)
    assert tuple(await row(world, "status, hold_reason", 2)) == ("ON_HOLD", "Waits for the bank.")
    seen = "query($id: ID!) { ticket(id: $id) { holdReason } }"
    assert (await world.data(Role.AGENT, seen, {"id": held}))["ticket"] == {"holdReason": "Waits for the bank."}
    ref = (await row(world, "id", 2)).id
    await system(world, lambda tx: resolve.resume(tx, ref))
    assert (await row(world, "status", 2)).status == "ON_HOLD", "the time has not come"
    world.now += timedelta(hours=1)
    await system(world, lambda tx: resolve.resume(tx, ref))
    assert tuple(await row(world, "status, hold_reason, resume_at", 2)) == ("OPEN", None, None)
    reasons = "SELECT count(*) FROM domain_event WHERE reason LIKE '%bank%'"
    assert await world.rows(reasons) == [(0,)], "the reason of a hold is for staff"


async def test_cancelling_confirming_and_merging(world: World) -> None:
    mine, answered, third = await opened(world), await opened(world), await opened(world)
    cancelled = await world.do(Role.CUSTOMER, "ticketCancel", "ticket { status }", id=mine, expectedVersion=1)
    assert cancelled["ticket"] == {"status": "CANCELLED"}
    await comment(world, Role.AGENT, answered, "Hello.")
    refused = await world.do(Role.CUSTOMER, "ticketCancel", "ticket { id }", id=answered, expectedVersion=2)
    assert codes(refused) == ["INVALID_TRANSITION"]
    assert codes(await world.do(Role.OPS, "ticketCancel", "ticket { id }", id=answered, expectedVersion=2)) == [
        "REQUIRED"
    ]
    merged = await world.do(
        Role.OPS,
        "ticketMerge",
        "ticket { status duplicateOf { number } }",
        id=third,
        intoId=answered,
        expectedVersion=1,
    )
    assert merged["ticket"] == {"status": "CANCELLED", "duplicateOf": {"number": 2}}
    await move(world, Role.OPS, answered, "RESOLVED", resolution="Done.")
    assert codes(await world.do(Role.OPS, "ticketConfirm", "ticket { id }", id=answered, expectedVersion=3)) == [
        "FORBIDDEN"
    ]
    done = await world.do(Role.CUSTOMER, "ticketConfirm", "ticket { status }", id=answered, expectedVersion=3)
    assert done["ticket"] == {"status": "CLOSED"}
    gone = await world.do(Role.CUSTOMER, "commentAdd", "comment { id }", id=mine, body="Hello?")
    assert codes(gone) == ["INVALID_TRANSITION"]


async def test_a_ticket_is_about_what_its_requester_may_see(world: World) -> None:
    draft = Listing(
        id=new_id(), dealer_id=world.other_dealer, kind="PRODUCT", status="DRAFT", title="Secret", currency="INR",
        visibility="PUBLIC", negotiable=False, max_unlocks=1,
    )  # fmt: skip
    await world.add(draft)
    about = world.id("Listing", draft.id)
    refused = await world.do(
        Role.CUSTOMER, "ticketCreate", "ticket { id }", subject="Hello", body="Hi", subjectRefId=about
    )
    assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [("NOT_FOUND", ["subjectRefId"])]
    made = await world.do(
        world.other_dealer_actor, "ticketCreate", "ticket { subjectRef { ... on Listing { title } } }",
        subject="Hello", body="Hi", subjectRefId=about,
    )  # fmt: skip
    assert made["ticket"] == {"subjectRef": {"title": "Secret"}}
    by = "query($a: ID!) { tickets(filter: {subjectRefId: $a}) { totalCount nodes { subjectRef { __typename } } } }"
    assert (await world.data(Role.OPS, by, {"a": about}))["tickets"] == {
        "totalCount": 1,
        "nodes": [{"subjectRef": {"__typename": "Listing"}}],
    }
    agent = await world.data(Role.AGENT, by, {"a": about})
    assert agent["tickets"]["totalCount"] == 0, "an AGENT does not see drafts, nor that a ticket is about one"
    assert (await world.data(Role.AGENT, "{ tickets { nodes { subjectRef { __typename } } } }"))["tickets"][
        "nodes"
    ] == [{"subjectRef": None}]


async def test_staff_ask_for_others_and_others_for_themselves(world: World) -> None:
    other = world.id("User", world.other_customer.user_id)  # type: ignore[arg-type]
    made = await world.do(Role.OPS, "ticketCreate", "ticket { id }", subject="Hello", body="Hi", requesterId=other)
    assert made["userErrors"] == []
    assert (await row(world, "requester_id")).requester_id == world.other_customer.user_id
    refused = await world.do(
        Role.CUSTOMER, "ticketCreate", "ticket { id }", subject="Hello", body="Hi", requesterId=other
    )
    assert codes(refused) == ["NOT_FOUND"]
    robot = world.service("ticket:create", "user:read", "ticket:read")
    assert codes(await world.do(robot, "ticketCreate", "ticket { id }", subject="Hello", body="Hi")) == ["REQUIRED"]
    relayed = await world.do(robot, "ticketCreate", "ticket { number }", subject="Hello", body="Hi", requesterId=other)
    assert relayed["ticket"] == {"number": 2}
    category = Category(id=new_id(), kind="LISTING", name="Bikes")
    await world.add(category)
    wrong = await world.do(
        Role.CUSTOMER,
        "ticketCreate",
        "ticket { id }",
        subject="Hello",
        body="Hi",
        categoryId=world.id("Category", category.id),
    )
    assert [(e["code"], e["field"]) for e in wrong["userErrors"]] == [("NOT_FOUND", ["categoryId"])]


async def test_who_is_copied_in_reads_and_speaks_from_the_requesters_side(world: World) -> None:
    sales = world.actors[Role.SALES]
    payload = await world.do(
        Role.OWNER, "ticketCreate", "ticket { id cc { name } }", subject="Hello", body="Hi",
        requesterId=world.id("User", world.actors[Role.CUSTOMER].user_id), ccIds=[world.id("User", sales.user_id)],
    )  # fmt: skip
    assert payload["ticket"]["cc"] == [{"name": "SALES person"}]
    id_ = payload["ticket"]["id"]
    assert (await world.data(Role.SALES, "{ tickets { nodes { subject } } }"))["tickets"]["nodes"] == [
        {"subject": "Hello"}
    ]
    assert (await comment(world, Role.SALES, id_, "For them."))["userErrors"] == []
    assert await world.rows("SELECT by_requester FROM ticket_comment") == [(True,)]
    steps = "query($id: ID!) { ticket(id: $id) { availableTransitions { to mutation allowed } } }"
    found = (await world.data(Role.CUSTOMER, steps, {"id": id_}))["ticket"]["availableTransitions"]
    assert [(s["to"], s["mutation"], s["allowed"]) for s in found] == [
        ("OPEN", "ticketAssign", False),
        ("CANCELLED", "ticketCancel", True),
        ("CANCELLED", "ticketMerge", False),
    ]


async def test_staff_cancel_their_own_request_as_requester_while_new_and_as_those_who_work_on_it_after(
    world: World,
) -> None:
    fresh, begun = await opened(world, Role.OPS), await opened(world, Role.OPS)
    assert codes(await world.do(Role.OPS, "ticketCancel", "ticket { id }", id=fresh, expectedVersion=1)) == []
    ops = world.id("User", world.actors[Role.OPS].user_id)  # type: ignore[arg-type]
    assigned = await world.do(
        Role.OPS, "ticketAssign", "ticket { version }", id=begun, expectedVersion=1, assigneeId=ops
    )
    given = {"id": begun, "expectedVersion": assigned["ticket"]["version"]}
    assert codes(await world.do(Role.OPS, "ticketCancel", "ticket { id }", **given)) == ["REQUIRED"]
    assert codes(await world.do(Role.OPS, "ticketCancel", "ticket { id }", **given, reason="Settled by phone.")) == []
    assert await world.rows("SELECT status FROM ticket") == [("CANCELLED",)] * 2


async def test_only_the_requester_reopens_answers_or_follows_up(world: World) -> None:
    """To reopen is one's own request's affair: whoever is copied in speaks, and the ticket stays where it is."""
    sales = world.actors[Role.SALES]
    payload = await world.do(
        Role.OWNER, "ticketCreate", "ticket { id }", subject="Hello", body="Hi",
        requesterId=world.id("User", world.actors[Role.CUSTOMER].user_id), ccIds=[world.id("User", sales.user_id)],
    )  # fmt: skip
    id_ = payload["ticket"]["id"]
    await comment(world, Role.OPS, id_, "Which one?")
    await move(world, Role.OPS, id_, "WAITING_ON_REQUESTER")
    asked_at = await row(world, "requester_replied_at")
    for status, on in (("WAITING_ON_REQUESTER", "RESOLVED"), ("RESOLVED", "CLOSED"), ("CLOSED", None)):
        said = await comment(world, Role.SALES, id_, "For them.")
        assert (said["userErrors"], said["comment"]["ticket"]["id"]) == ([], id_)
        assert await row(world, "status, reopen_count, requester_replied_at") == (status, 0, *asked_at)
        if on:
            await move(world, Role.OPS, id_, on, **({"resolution": "Done."} if on == "RESOLVED" else {}))
    assert await world.rows("SELECT count(*) FROM ticket") == [(1,)]
    assert (await comment(world, Role.CUSTOMER, id_, "Not yet."))["comment"]["ticket"]["followUpOf"] == {"number": 1}
    await world.rows("UPDATE ticket SET status = 'CANCELLED' WHERE number = 1 RETURNING id")
    assert codes(await comment(world, Role.SALES, id_, "And now?")) == ["INVALID_TRANSITION"]


async def test_tickets_opened_at_once_are_numbered_densely(world: World) -> None:
    await asyncio.gather(*(opened(world) for _ in range(5)))
    assert [each.number for each in await world.rows("SELECT number FROM ticket ORDER BY number")] == [1, 2, 3, 4, 5]
