"""The demo: what stands in it exactly, that every table has rows on both sides, and that a reset brings it back."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from souk.context import Context
from souk.db.connect import Limits, with_database
from souk.db.session import Database, system_actor
from souk.engine.symbols import read_id
from souk.gateways.storage import Directory
from souk.models import Model
from souk.resolvers.impact import term_of
from souk.rules.actor import Actor, Role
from souk.rules.impact import recompute
from souk.worker.batch import step
from souk.worker.demo import Doors, Secret, reset, seed, tokens
from souk.worker.demo.ground import tenant_id_of
from souk.worker.loop import Worker
from tests.conftest import _create, _drop
from tests.documents.asking import NAMED, act, run
from tests.world import KEYRING, Souk, World

README = Path(__file__).parents[2] / "README.md"
NOW = datetime(2026, 11, 22, 9, 41, 7, tzinfo=UTC)
ROWS = 300
ONE_PER_TENANT = {"audit_head"}
"""Tables whose key is the tenant."""
EMPTIED = {"export_part"}
"""What is read for a file goes when the file is whole."""


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doors]:
    """A database of its own with the whole demo in it, its listings cut short."""
    name = f"{template}_demo"
    await _create(server, name, template)
    url, files = with_database(server, name), Directory(tmp_path_factory.mktemp("files"))
    long = Limits(60, 5, 60)
    doors = Doors(
        Database(url, KEYRING, "souk_owner", long),
        Database(url, KEYRING, limits=long, files=files),
        Database(url, KEYRING, "souk_worker", long, files=files),
        files,
        Secret(tmp_path_factory.mktemp("secret")),
    )
    await seed(doors, NOW, rows=ROWS)
    yield doors
    for each in (doors.owner, doors.app, doors.worker):
        await each.close()
    await _drop(server, name)


async def rows(doors: Doors, slug: str, sql: str) -> list[Any]:
    tenant = tenant_id_of(slug)
    async with doors.owner.transaction(system_actor(tenant), "test", system=True) as tx:
        return list((await tx.session.execute(text(sql), {"t": tenant})).all())


async def test_every_table_has_rows_on_both_sides(demo: Doors) -> None:
    tables = [table for table in Model.metadata.sorted_tables if "tenant_id" in table.c]
    few = {}
    for table in tables:
        name = f"{table.schema}.{table.name}" if table.schema else table.name
        counted = f"SELECT count(*) FROM {name} WHERE tenant_id = :t"
        (pharos,), (pahiyaa,), (twin,) = [
            (await rows(demo, slug, counted))[0] for slug in ("pharos", "pahiyaa", "twin")
        ]
        if table.name not in ONE_PER_TENANT | EMPTIED and (pharos + pahiyaa < 3 or twin < 3):
            few[name] = (pharos, pahiyaa, twin)
    assert few == {}


async def test_pharos_is_exactly_the_locked_set(demo: Doors) -> None:
    counts = {
        table: (await rows(demo, "pharos", f"SELECT count(*) FROM {table} WHERE tenant_id = :t"))[0][0]
        for table in ("app_user", "sku", "dealer", "competitor", "alert", "task", "batch")
    }
    assert counts == {"app_user": 4, "sku": 3, "dealer": 2, "competitor": 1, "alert": 12, "task": 10, "batch": 2}
    severities = await rows(demo, "pharos", "SELECT severity, count(*) FROM alert GROUP BY 1")
    assert {severity for severity, _ in severities} == {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
    repeated = "SELECT count(DISTINCT dealer_id), count(*) FROM alert WHERE cycle > 1"
    assert await rows(demo, "pharos", repeated) == [(2, 2)]
    waiting = "SELECT cure_due_at FROM alert WHERE status = 'AWAITING_CURE'"
    assert await rows(demo, "pharos", waiting) == [(datetime(2026, 11, 24, 9, tzinfo=UTC),)]
    evidence = "SELECT count(*) FROM alert a WHERE NOT EXISTS (SELECT FROM evidence_snapshot e WHERE e.alert_id = a.id)"
    assert await rows(demo, "pharos", evidence) == [(0,)]
    batches = (
        "SELECT kind, status, total, succeeded, skipped, pending, pace, report IS NOT NULL FROM batch ORDER BY kind"
    )
    assert await rows(demo, "pharos", batches) == [
        ("ENFORCEMENT", "COMPLETED", 3, 1, 2, 0, None, True),
        ("IMPORT", "RUNNING", 600, 240, 0, 360, 1, False),
    ]


async def test_pahiyaa_has_its_people_and_what_they_did(demo: Doors) -> None:
    people = "SELECT role, count(*) FROM membership GROUP BY 1 ORDER BY 1"
    assert await rows(demo, "pahiyaa", people) == [("ADMIN", 1), ("AGENT", 1), ("CUSTOMER", 40), ("DEALER", 20)]
    listings = "SELECT status, kind, count(*) FROM listing GROUP BY 1, 2 ORDER BY 1, 2"
    assert await rows(demo, "pahiyaa", listings) == [
        ("ACTIVE", "VEHICLE", ROWS - 3), ("DRAFT", "CASTING_CALL", 3), ("DRAFT", "PRODUCT", 3), ("RESERVED", "VEHICLE", 3)
    ]  # fmt: skip
    twice = "SELECT count(*) FROM offer WHERE status = 'COUNTERED' AND version = 3"
    assert await rows(demo, "pahiyaa", twice) == [(1,)]
    shared = "SELECT l.distribution, l.unlock_count FROM lead l WHERE l.unlock_count > 0 ORDER BY 2 DESC, 1"
    assert await rows(demo, "pahiyaa", shared) == [("SHARED", 2), ("EXCLUSIVE", 1), ("EXCLUSIVE", 1)]
    tickets = "SELECT DISTINCT status FROM ticket ORDER BY 1"
    assert [status for (status,) in await rows(demo, "pahiyaa", tickets)] == [
        "CANCELLED", "NEW", "ON_HOLD", "OPEN", "RESOLVED", "WAITING_ON_REQUESTER"
    ]  # fmt: skip


async def test_nothing_is_overdue_but_the_batch_that_runs(demo: Doors) -> None:
    due = "SELECT DISTINCT kind FROM souk.work WHERE tenant_id = :t AND due_at <= '2026-11-22 09:41'"
    assert [await rows(demo, slug, due) for slug in ("pharos", "pahiyaa", "twin")] == [
        [("batch.run",)], [], [("batch.run",)]
    ]  # fmt: skip


async def test_the_queries_of_the_readme_are_fused_and_the_first_has_its_answer(
    demo: Doors, server: str, template: str
) -> None:
    readme = README.read_text(encoding="utf-8")
    (query,), (answer,) = (re.findall(rf"```{kind}\n(.*?)```", readme, re.DOTALL) for kind in ("graphql", "json"))
    opened = Souk.open(with_database(server, f"{template}_demo"))
    (found,) = await rows(demo, "pharos", "SELECT id, user_id FROM membership WHERE role = 'OPS'")
    ops = Actor(tenant_id_of("pharos"), Role.OPS, user_id=found.user_id, membership_id=found.id)
    given = await opened.runner.answer(query, {}, None, Context(ops, "readme", NOW, db=opened.app))
    more = re.findall(r'"query": "(.*?)"\}', readme) + re.findall(r"`(\{ \w.*?\})`", readme)
    assert len(more) >= 3
    for each in (json.loads(f'"{one}"') if "\\" in one else one for one in more):
        assert not opened.runner.document(each).errors, each
        if opened.runner.operation(each).is_query:  # type: ignore[union-attr]
            assert opened.runner.explain(each, {}, None, Context(ops, "readme", NOW)).fused, each  # type: ignore[union-attr]
    await opened.close()
    assert (given.fused, given.reason) == (True, None)
    assert json.loads(given.body) == json.loads(answer)


async def test_the_owner_of_pharos_sees_decides_and_is_told(demo: Doors, server: str, template: str) -> None:
    """Numbers that are their lists, a breach with its reasons, a batch from selection to completion, and its report."""
    opened = Souk.open(with_database(server, f"{template}_demo"))
    tenant = tenant_id_of("pharos")
    people = "SELECT role, user_id, id FROM membership WHERE tenant_id = :t AND ended_at IS NULL"
    actors = {Role(role): Actor(tenant, Role(role), user_id=user, membership_id=member, mfa_at=NOW)
              for role, user, member in await rows(demo, "pharos", people)}  # fmt: skip
    world = World(opened, tenant, actors, tenant, tenant, actors[Role.OPS], actors[Role.OPS], NOW)
    try:
        board = await run(world, Role.OWNER, "DashboardSummary")
        live = board["liveAlerts"]
        page = await run(world, Role.OPS, "AlertList", filter=live["filter"], first=100)
        assert live["value"] == page["totalCount"] == len(page["nodes"]) > 0
        assert sum(minor(each["impact"]["atRisk"]) for each in page["nodes"]) == minor(live["amounts"]) > 0
        tasks = await run(world, Role.OPS, "TaskList", filter=board["openTasks"]["filter"])
        assert board["openTasks"]["value"] == tasks["totalCount"] > 0

        for each in page["nodes"]:
            alert = await run(world, Role.OWNER, "AlertDetail", id=each["id"])
            for term in alert["impact"]["terms"]:
                assert recompute(term_of(term | {"amount": {"minor": 0}})) == minor([term["amount"]])
            past = abs(minor([alert["price"]]) - minor([alert["limit"]]))
            assert minor([alert["rule"]["gap"]]) == past and alert["rule"]["depthBp"] == past * 10_000 // minor(
                [alert["limit"]]
            )
            at = [told["at"] for told in alert["timeline"]["nodes"]]
            assert at == sorted(at) and len(at) > 0
            assert (alert["evidenceChain"]["verified"], alert["evidenceChain"]["brokenAt"]) == (True, None)
            assert alert["evidenceChain"]["head"] == alert["evidenceSnapshots"]["nodes"][-1]["hash"]

        chosen = [each for each in page["nodes"] if each["status"] in ("OPEN", "ACKNOWLEDGED")][:3]
        assert len(chosen) == 3
        given = {
            "selection": {"alertIds": [each["id"] for each in chosen]},
            "plan": {"action": "CREATE_TASK", "reason": "Look at it."},
        }
        preview = await act(world, Role.OPS, "EnforcementPreview", kind="ENFORCEMENT", **given)
        assert (preview["total"], preview["actionable"]) == (len(chosen), len(chosen))
        made = await act(world, Role.OPS, "BatchCreate", previewId=preview["id"], idempotencyKey=world.key())
        if made["status"] == "PENDING_APPROVAL":
            decided = await world.do(Role.OWNER, "batchDecide", "batch { status }", id=made["id"], decision="APPROVE",
                                     idempotencyKey=world.key())  # fmt: skip
            assert decided["batch"] == {"status": "READY"}
        await act(world, Role.OPS, "BatchStart", id=made["id"], idempotencyKey=world.key())
        feed = world.souk.runner.events_plan(
            NAMED["BatchLive"].text, None, {"batchId": made["id"], "after": "0"}, world.context(Role.OPS)
        )
        heard = [json.loads(body)["data"]["batchEvents"] for _, body in await feed.fetch(0)]
        when: datetime | None = NOW
        key = read_id(made["id"])
        assert key is not None
        while when is not None:
            when = (await step(demo.worker, tenant, key.row_id, now=when, size=1)).due
            heard += [json.loads(body)["data"]["batchEvents"] for _, body in await feed.fetch(int(heard[-1]["seq"]))]
        assert [int(each["seq"]) for each in heard] == [*range(1, len(heard) + 1)]
        assert (heard[-1]["to"], heard[-1]["counts"]["succeeded"]) == ("COMPLETED", len(chosen))

        report = await run(world, Role.OPS, "BatchReport", id=made["id"])
        assert (report["batch"]["status"], report["total"], report["succeeded"]) == (
            "COMPLETED",
            len(chosen),
            len(chosen),
        )
        assert [(each["action"], each["items"]) for each in report["actions"]] == [("CREATE_TASK", len(chosen))]
        assert minor(report["actions"][0]["impact"]) == sum(minor(each["impact"]["atRisk"]) for each in chosen)
        assert (report["effect"]["enforced"], report["effect"]["cured"]) == (len(chosen), 0)
        after = await run(world, Role.OWNER, "DashboardSummary")
        assert after["openTasks"]["value"] == board["openTasks"]["value"] + len(chosen)
    finally:
        await opened.close()


def minor(amounts: list[dict[str, str]]) -> int:
    """The one amount, or none, in minor units."""
    return sum(int(each["amount"].replace(".", "")) for each in amounts)


async def test_seeding_again_changes_nothing_and_a_reset_gives_the_same(demo: Doors) -> None:
    assert await seed(demo, NOW) == []
    everything = "SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM alert UNION SELECT id FROM listing) a"
    before = await rows(demo, "twin", everything)
    shown = await tokens(demo, "pharos", NOW)
    assert [(one.role, one.user) for one in shown] == [
        (role.upper(), f"{role}@pharos.example") for role in ("owner", "ops", "sales", "viewer")
    ]
    await reset(demo, NOW, rows=ROWS)
    assert await rows(demo, "twin", everything) == before
    assert await tokens(demo, "pharos", NOW) == shown


async def test_a_reset_is_not_disturbed_by_workers(demo: Doors, server: str, template: str) -> None:
    url = with_database(server, f"{template}_demo")
    db = Database(url, KEYRING, "souk_worker", Limits(60, 30, 60), files=demo.files)
    worker = Worker(db, poll=0.02, clock=lambda: NOW)
    working = asyncio.create_task(worker.run())
    try:
        await reset(demo, NOW, rows=ROWS)
    finally:
        worker.stop()
        await working
        await db.close()
    (row,) = await rows(demo, "pharos", "SELECT status, total, succeeded FROM batch WHERE kind = 'IMPORT'")
    assert (row.status, row.total) == ("RUNNING", 600)
    assert 240 <= row.succeeded < 300  # it goes on at its pace, and not before all is there
    ended = "SELECT status, total, succeeded, ended_at < '2026-11-22' FROM batch WHERE kind = 'ENFORCEMENT'"
    assert await rows(demo, "pharos", ended) == [("COMPLETED", 3, 1, True)]
    assert await rows(demo, "pharos", "SELECT count(*) FROM alert") == [(12,)]
    held = "SELECT count(*) FROM souk.work WHERE tenant_id = :t AND lease_until IS NOT NULL"
    assert [await rows(demo, slug, held) for slug in ("pharos", "pahiyaa", "twin")] == [[(0,)]] * 3
