"""Tasks: made from what they follow, done by staff, closed with an outcome that the timeline tells."""

from datetime import timedelta
from typing import Any

from souk.models import Task, Ticket, new_id
from souk.rules.actor import Actor, Role
from tests.resolvers.margin import alerts, iso, policy, report, sku
from tests.world import NOW, World

TASK = "task { id kind status title dueAt outcome note version assignee { name } alert { id } dealer { name } }"
DAY = timedelta(days=1)


async def made(world: World, who: Role | Actor = Role.SALES, **more: Any) -> dict[str, Any]:
    payload = await world.do(who, "taskCreate", TASK, **{"kind": "FOLLOW_UP", "title": "Call the dealer", **more})
    assert payload["userErrors"] == []
    task: dict[str, Any] = payload["task"]
    return task


async def an_alert(world: World) -> dict[str, Any]:
    thing = await sku(world)
    await policy(world, thing)
    await report(world, thing, 85_000, NOW)
    return (await alerts(world))[0]


async def ticket_of(world: World, number: int = 1) -> Ticket:
    row = Ticket(
        id=new_id(), number=number, status="NEW", priority="NORMAL", subject="Help", body_markdown="Please.",
        body_html="<p>Please.</p>", requester_id=world.actors[Role.CUSTOMER].user_id, requester_replied_at=NOW,
    )  # fmt: skip
    await world.add(row)
    return row


async def test_a_task_follows_from_an_alert_and_its_end_stands_in_the_timeline(world: World) -> None:
    alert = await an_alert(world)
    sales = world.id("User", world.actors[Role.SALES].user_id)  # type: ignore[arg-type]
    given = {"alertId": alert["id"], "assigneeId": sales, "dueAt": iso(NOW + DAY), "idempotencyKey": world.key()}
    task = await made(world, **given)
    assert await made(world, **given) == task
    assert task | {"id": "", "version": 0} == {
        "id": "", "version": 0, "kind": "FOLLOW_UP", "status": "TODO", "title": "Call the dealer",
        "dueAt": iso(NOW + DAY), "outcome": None, "note": None, "assignee": {"name": "SALES person"},
        "alert": {"id": alert["id"]}, "dealer": {"name": "First Motors"},
    }  # fmt: skip

    bare = await world.do(Role.SALES, "taskCloseLoop", "task { id }", id=task["id"], expectedVersion=1)
    assert [(e["code"], e["field"]) for e in bare["userErrors"]] == [("REQUIRED", ["outcome"]), ("REQUIRED", ["note"])]
    closing = {"id": task["id"], "expectedVersion": 1, "outcome": "PROMISED", "note": "They will fix it."}
    done = await world.do(Role.SALES, "taskCloseLoop", TASK, **closing)
    assert (done["task"]["status"], done["task"]["outcome"], done["task"]["note"], done["task"]["version"]) == (
        "DONE", "PROMISED", "They will fix it.", 2,
    )  # fmt: skip
    mine = "query($who: ID) { tasks(filter: {assigneeId: $who}) { totalCount } }"
    for who, found in ((sales, 1), (None, 0)):
        assert (await world.data(Role.OPS, mine, {"who": who}))["tasks"]["totalCount"] == found
    ask = "{ alerts { nodes { tasks { nodes { status } } timeline { nodes { type } } } } }"
    assert (await world.data(Role.OPS, ask))["alerts"]["nodes"] == [
        {
            "tasks": {"nodes": [{"status": "DONE"}]},
            "timeline": {
                "nodes": [{"type": "alert.opened"}, {"type": "alert.task_created"}, {"type": "alert.task_done"}]
            },
        }
    ]
    data = "SELECT data ->> 'outcome', data::text LIKE '%fix it%' FROM domain_event WHERE type = 'alert.task_done'"
    assert await world.rows(data) == [("PROMISED", False)]


async def test_a_task_moves_along_its_machine_with_reasons(world: World) -> None:
    task = await made(world)

    async def move(to: str, version: int, reason: str | None = None) -> Any:
        payload = await world.do(
            Role.OPS, "taskTransition", "task { status version note outcome }", id=task["id"], to=to, reason=reason,
            expectedVersion=version,
        )  # fmt: skip
        return payload["task"] or [(e["code"], e["field"]) for e in payload["userErrors"]]

    assert await move("BLOCKED", 1, "Waiting.") == [("INVALID_TRANSITION", None)]
    assert await move("DONE", 1) == [("INVALID_TRANSITION", None)]
    assert (await move("IN_PROGRESS", 1))["status"] == "IN_PROGRESS"
    assert await move("BLOCKED", 1, "Late.") == [("STALE_VERSION", ["expectedVersion"])]
    assert await move("BLOCKED", 2) == [("REQUIRED", ["reason"])]
    assert await move("BLOCKED", 2, "Waits.") == {"status": "BLOCKED", "version": 3, "note": "Waits.", "outcome": None}
    closing = {"id": task["id"], "expectedVersion": 3, "outcome": "REFUSED", "note": "No."}
    assert (await world.do(Role.OPS, "taskCloseLoop", "task { status }", **closing))["task"] == {"status": "DONE"}
    assert await move("IN_PROGRESS", 4) == [("REQUIRED", ["reason"])]
    assert await move("IN_PROGRESS", 4, "Not done.") == {
        "status": "IN_PROGRESS", "version": 5, "note": "Not done.", "outcome": None,
    }  # fmt: skip
    assert (await move("CANCELLED", 5, "Not needed."))["status"] == "CANCELLED"
    assert await move("IN_PROGRESS", 6, "Again.") == [("INVALID_TRANSITION", None)]


async def test_a_task_is_done_by_staff_and_follows_from_what_one_sees(world: World) -> None:
    wrong = {"kind": "REVIEW", "title": "Look at it"}
    customer = world.id("User", world.actors[Role.CUSTOMER].user_id)  # type: ignore[arg-type]
    for given, expected in (
        ({"assigneeId": customer}, ("INVALID", ["assigneeId"])),
        ({"assigneeId": world.id("User", new_id())}, ("NOT_FOUND", ["assigneeId"])),
        ({"alertId": world.id("Alert", new_id())}, ("NOT_FOUND", ["alertId"])),
        ({"alertId": world.id("Dealer", world.dealer)}, ("NOT_FOUND", ["alertId"])),
        ({"title": "ab"}, ("INVALID", ["title"])),
    ):
        payload = await world.do(Role.SALES, "taskCreate", "task { id }", **{**wrong, **given})
        assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [expected]
    assert await world.rows("SELECT count(*) FROM task") == [(0,)]
    free = await world.do(Role.AGENT, "taskCreate", "task { id }", **wrong)
    assert [e["code"] for e in free["userErrors"]] == ["FORBIDDEN"]  # an AGENT makes tasks of tickets
    assert await world.rows("SELECT count(*) FROM task") == [(0,)]


async def test_an_agent_sees_the_tasks_of_its_tickets_and_a_viewer_no_notes(world: World) -> None:
    ticket = await ticket_of(world)
    common = {"kind": "FOLLOW_UP", "status": "DONE", "outcome": "REFUSED", "note": "Angry.", "due_order": NOW}
    await world.add(
        Task(id=new_id(), title="Of a ticket", ticket_id=ticket.id, **common), Task(id=new_id(), title="Free", **common)
    )
    given = {"kind": "REVIEW", "title": "Look at it", "ticketId": world.id("Ticket", ticket.id)}
    nobodys = Actor(world.tenant_id, Role.AGENT, user_id=world.actors[Role.AGENT].user_id)
    for who, expected in ((nobodys, ["NOT_FOUND"]), (Role.SALES, ["NOT_FOUND"]), (Role.AGENT, [])):
        payload = await world.do(who, "taskCreate", "task { id }", **given)
        assert [e["code"] for e in payload["userErrors"]] == expected
    await world.rows("DELETE FROM task WHERE outcome IS NULL RETURNING 1")
    of_ticket = "{ tickets { nodes { tasks { nodes { title ticket { number } } } } } }"
    assert (await world.data(Role.AGENT, of_ticket))["tickets"]["nodes"] == [
        {"tasks": {"nodes": [{"title": "Of a ticket", "ticket": {"number": 1}}]}}
    ]
    ask = "{ tasks(filter: { status: [DONE] }, orderBy: DUE) { totalCount nodes { title note } } }"
    assert (await world.data(Role.AGENT, ask))["tasks"] == {
        "totalCount": 1, "nodes": [{"title": "Of a ticket", "note": "Angry."}],
    }  # fmt: skip
    assert (await world.data(nobodys, ask))["tasks"]["totalCount"] == 0
    answer = await world.ask(Role.VIEWER, ask)
    assert answer["data"]["tasks"]["totalCount"] == 2
    assert [node["note"] for node in answer["data"]["tasks"]["nodes"]] == [None, None]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}
    for role in (Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        refused = await world.ask(role, ask)
        assert (refused["data"], refused["errors"][0]["extensions"]["code"]) == ({"tasks": None}, "FORBIDDEN")
    document = "mutation($i: TaskCreateInput!) { taskCreate(input: $i) { task { id } } }"
    for role in (Role.VIEWER, Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        refused = await world.ask(role, document, {"i": {"kind": "REVIEW", "title": "Look at it"}})
        assert (refused["data"], refused["errors"][0]["extensions"]["code"]) == ({"taskCreate": None}, "FORBIDDEN")


async def test_tasks_are_found_by_what_they_follow(world: World) -> None:
    alert = await an_alert(world)
    soon = await made(world, alertId=alert["id"], dueAt=iso(NOW + DAY))
    late = await made(world, title="Later", dueAt=iso(NOW + 3 * DAY), dealerId=world.id("Dealer", world.other_dealer))
    never = await made(world, title="Some day")
    ask = "query($f: TaskFilter) { tasks(filter: $f, orderBy: DUE) { nodes { id } } }"

    async def ids(**given: Any) -> list[str]:
        return [node["id"] for node in (await world.data(Role.OPS, ask, {"f": given}))["tasks"]["nodes"]]

    assert await ids() == [soon["id"], late["id"], never["id"]]
    assert await ids(alertId=alert["id"]) == [soon["id"]]
    assert await ids(dealerId=world.id("Dealer", world.other_dealer)) == [late["id"]]
    assert await ids(dueBefore=iso(NOW + 2 * DAY)) == [soon["id"]]
    assert await ids(status=["DONE"]) == []


async def test_a_task_goes_to_another_person_and_gets_another_time(world: World) -> None:
    alert = await an_alert(world)
    task = await made(world, alertId=alert["id"])
    ops = world.id("User", world.actors[Role.OPS].user_id)  # type: ignore[arg-type]

    async def assign(version: int, who: Role = Role.SALES, **given: Any) -> Any:
        payload = await world.do(who, "taskAssign", TASK, id=task["id"], expectedVersion=version, **given)
        return payload["task"] or [(e["code"], e["field"]) for e in payload["userErrors"]]

    given = await assign(1, assigneeId=ops, dueAt=iso(NOW + DAY))
    assert (given["assignee"], given["dueAt"], given["version"]) == ({"name": "OPS person"}, iso(NOW + DAY), 2)
    assert await world.rows("SELECT due_order FROM task") == [(NOW + DAY,)]
    freed = await assign(2, assigneeId=None)
    assert (freed["assignee"], freed["dueAt"]) == (None, iso(NOW + DAY))
    assert (await assign(3, dueAt=None))["dueAt"] is None
    assert await world.rows("SELECT due_at, due_order > '9999-01-01' FROM task") == [(None, True)]
    customer = world.id("User", world.actors[Role.CUSTOMER].user_id)  # type: ignore[arg-type]
    assert await assign(4) == [("REQUIRED", ["assigneeId"])]
    assert await assign(4, assigneeId=customer) == [("INVALID", ["assigneeId"])]
    assert await assign(1, assigneeId=ops) == [("STALE_VERSION", ["expectedVersion"])]
    assert await assign(4, Role.AGENT, assigneeId=ops) == [("NOT_FOUND", ["id"])]
    closing = {"id": task["id"], "expectedVersion": 4, "outcome": "REFUSED", "note": "No."}
    assert (await world.do(Role.OPS, "taskCloseLoop", "task { status }", **closing))["task"] == {"status": "DONE"}
    assert await assign(5, assigneeId=ops) == [("INVALID", ["id"])]
    told = "SELECT type, internal FROM domain_event WHERE subject_type = 'Alert' ORDER BY seq"
    assert await world.rows(told) == [
        ("alert.opened", False), ("alert.task_created", True), *[("alert.task_assigned", True)] * 3,
        ("alert.task_done", True),
    ]  # fmt: skip
