"""Many rows changed alike: as many statements as for few, and all that one alone would leave behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm.exc import StaleDataError

from souk.db.session import Database, Transaction
from souk.models import Dealer, Task, new_id
from souk.rules.actor import Role
from souk.rules.errors import Invalid
from tests.world import NOW, World

LATER = NOW + timedelta(hours=1)


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def made(world: World, number: int) -> list[UUID]:
    rows = [Dealer(id=new_id(), kind="DEALERSHIP", name=f"Dealer {n}", verification="VERIFIED", standing="GOOD", notice=0)
            for n in range(number)]  # fmt: skip
    await world.add(*rows)
    return [row.id for row in rows]


async def held(tx: Transaction, ids: list[UUID]) -> list[Dealer]:
    return list((await tx.session.execute(select(Dealer).where(Dealer.id.in_(ids)).order_by(Dealer.name))).scalars())


async def test_as_many_statements_for_forty_rows_as_for_ten(world: World) -> None:
    told = []
    for number in (10, 40):
        ids = await made(world, number)
        with counted(world.souk.app) as sent:
            async with world.souk.app.transaction(world.actor(Role.ADMIN), "test", now=LATER) as tx:
                for row in await held(tx, ids):
                    row.standing, row.notice, row.phone = "WARNED", 1, f"+9198{row.id.int % 10**8:08}"
                    await tx.due("test.kind", row.id, LATER)
                    await tx.not_due("test.other", row.id)
                    tx.emit("dealer.warned", row)
        told.append(len(sent))
        rows = await world.rows("SELECT * FROM dealer WHERE id = ANY(:ids)", ids=ids)
        assert {(r.standing, r.notice, r.version, r.updated_at) for r in rows} == {("WARNED", 1, 2, LATER)}
        assert {r.phone for r in rows} == {f"+9198{id_.int % 10**8:08}" for id_ in ids}
        due = await world.rows(
            "SELECT ref, due_at FROM souk.work WHERE ref = ANY(:ids) AND kind = 'test.kind'", ids=ids
        )
        assert {tuple(row) for row in due} == {(id_, LATER) for id_ in ids}
        (audit,) = await world.rows("SELECT changes FROM audit_event ORDER BY seq DESC LIMIT 1")
        assert set(audit.changes) == {f"Dealer:{id_}" for id_ in ids}
        for change in audit.changes.values():
            assert change["standing"] == ["GOOD", "WARNED"] and change["notice"] == [0, 1]
            assert change["phone"][0] is None and change["phone"][1].startswith("hmac:")
            assert "updated_at" not in change and "version" not in change
    assert told[0] == told[1]


async def test_a_row_that_somebody_else_changed_meanwhile_stops_all_of_them(world: World) -> None:
    ids = await made(world, 6)

    async def overtaken() -> None:
        async with world.souk.app.transaction(world.actor(Role.ADMIN), "test", now=LATER) as tx:
            rows = await held(tx, ids)
            await tx.session.execute(
                update(Dealer.__table__).where(Dealer.__table__.c.id == ids[3]).values(version=2)  # type: ignore[arg-type]
            )
            for row in rows:
                row.standing = "WATCH"
                tx.emit("dealer.standing_changed", row)

    with pytest.raises(StaleDataError):
        await overtaken()
    after = await world.rows("SELECT standing, version FROM dealer WHERE id = ANY(:ids)", ids=ids)
    assert {tuple(row) for row in after} == {("GOOD", 1)}


async def test_what_is_changed_again_after_it_was_written_is_written_again(world: World) -> None:
    ids = await made(world, 5)
    async with world.souk.app.transaction(world.actor(Role.ADMIN), "test", now=LATER) as tx:
        rows = await held(tx, ids)
        for row in rows:
            row.standing = "WATCH"
            tx.emit("dealer.standing_changed", row)
        await tx.session.flush()
        rows[0].notice = 1
        await tx.session.flush()
        rows[1].standing = "GOOD"
    after = await world.rows(
        "SELECT name, standing, notice, version FROM dealer WHERE id = ANY(:ids) ORDER BY name", ids=ids
    )
    assert [tuple(row) for row in after] == [
        ("Dealer 0", "WATCH", 1, 3), ("Dealer 1", "GOOD", 0, 3),
        *((f"Dealer {n}", "WATCH", 0, 2) for n in (2, 3, 4)),
    ]  # fmt: skip
    (audit,) = await world.rows("SELECT changes FROM audit_event ORDER BY seq DESC LIMIT 1")
    assert audit.changes[f"Dealer:{ids[0]}"] == {"standing": ["GOOD", "WATCH"], "notice": [0, 1]}


async def _in_vain(tx: Transaction, first: UUID, second: UUID) -> None:
    async with tx.savepoint():
        await tx.not_due("test.kind", first)
        await tx.due("test.kind", second, LATER)
        raise Invalid("No.")


async def test_of_what_is_due_the_last_word_counts_and_a_savepoint_takes_its_own_back(world: World) -> None:
    first, second, third = [new_id() for _ in range(3)]
    async with world.souk.app.transaction(world.actor(Role.ADMIN), "test", now=NOW) as tx:
        await tx.due("test.kind", third, NOW)
    async with world.souk.app.transaction(world.actor(Role.ADMIN), "test", now=NOW) as tx:
        await tx.due("test.kind", first, NOW)
        await tx.due("test.kind", first, LATER)
        await tx.due("test.kind", second, NOW)
        with pytest.raises(Invalid):
            await _in_vain(tx, first, second)
        await tx.not_due("test.kind", third)
    due = await world.rows(
        "SELECT ref, due_at FROM souk.work WHERE ref = ANY(:ids) ORDER BY due_at", ids=[first, second, third]
    )
    assert [tuple(row) for row in due] == [(second, NOW), (first, LATER)]


async def test_rows_that_come_alike_are_audited_and_told_like_those_that_come_one_by_one(world: World) -> None:
    told = []
    for number in (2, 40):
        with counted(world.souk.app) as sent:
            async with world.souk.app.transaction(world.actor(Role.ADMIN), "test", now=LATER) as tx:
                rows = [{"kind": "FOLLOW_UP", "status": "TODO", "title": f"Task {n}", "note": "said", "due_at": None,
                         "due_order": LATER, "dealer_id": world.dealer} for n in range(number)]  # fmt: skip
                many = await tx.add_alike(Task, rows, "task.created", to_status="TODO")
        told.append(len(sent))
    assert told[0] == told[1]
    async with world.souk.app.transaction(world.actor(Role.ADMIN), "test", now=LATER) as tx:
        task = tx.add(Task(id=new_id(), **rows[0]))
        tx.emit("task.created", task, to_status="TODO")
    sql = "SELECT to_jsonb(t) - 'id' - 'title' FROM task t WHERE id = ANY(:ids)"
    assert len(many) == 40 and len(await world.rows(sql, ids=many)) == 40
    assert {str(row) for (row,) in await world.rows(sql, ids=many)} == {
        str((await world.rows(sql, ids=[task.id]))[0][0])
    }
    changes = "SELECT changes -> :name FROM audit_event WHERE changes ? :name"
    ((one,),), ((among,),) = [await world.rows(changes, name=f"Task:{id_}") for id_ in (task.id, many[0])]
    assert one == among and set(one) == {"kind", "status", "title", "note", "due_order", "dealer_id"}
    assert one["note"][1].startswith("hmac:")
    events = "SELECT DISTINCT type, from_status, to_status, seq FROM domain_event WHERE subject_id = ANY(:ids)"
    assert await world.rows(events, ids=[task.id, *many]) == [("task.created", None, "TODO", 1)]
