"""The audit cannot be edited: the database refuses, and what somebody does past the database is found."""

import asyncio
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from souk.db import journal, proof
from souk.db.journal import GENESIS, Change
from souk.db.proof import Head, Verdict, export_audit, verify_audit
from souk.models import AuditEvent, Dealer
from souk.rules.actor import Role
from tests.world import NOW, World


async def acts(world: World, count: int) -> None:
    for n in range(count):
        async with world.souk.app.transaction(world.actors[Role.ADMIN], "test", now=NOW) as tx:
            dealer = await tx.session.get(Dealer, (world.tenant_id, world.dealer), with_for_update=True)
            assert dealer is not None
            dealer.name = f"Näme {n} \"'\\ ✓"
            tx.emit("dealer.updated", dealer)


async def verdict(world: World, after: Head | None = None, **more: Any) -> Verdict:
    async with world.souk.app.transaction(world.actors[Role.OWNER], "test") as tx:
        return await verify_audit(tx.session, world.tenant_id, after, **more)


async def tampered(world: World, *statements: str, table: str = "audit_event") -> None:
    """Done by who owns the tables and takes the triggers off first: nothing ordinary gets so far."""
    async with world.souk.owner.engine.begin() as connection:
        await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
        await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for statement in statements:
            await connection.execute(text(statement))
        await connection.execute(text(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only"))
        await connection.execute(text(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER never_truncated"))


COLUMNS = {
    "op": "'other'",
    "acting_role": "'OPS'",
    "actor_id": "gen_random_uuid()",
    "session_id": "gen_random_uuid()",
    "token_id": "gen_random_uuid()",
    "subject_type": "'Lead'",
    "subject_id": "gen_random_uuid()",
    "dealer_id": "gen_random_uuid()",
    "changes": "'{}'",
    "request_id": "'other'",
    "created_at": "created_at + interval '1 microsecond'",
    "id": "gen_random_uuid()",
    "prev_hash": "sha256('x')",
    "hash": "sha256('x')",
    "seq": "1000",
}


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_change_of_any_column_is_found(world: World, column: str) -> None:
    await acts(world, 3)
    assert (await verdict(world)).broken_at is None
    await tampered(world, f"UPDATE audit_event SET {column} = {COLUMNS[column]} WHERE seq = 4")
    assert (await verdict(world)).broken_at == 4


def test_every_column_is_among_them() -> None:
    assert set(COLUMNS) == {column.key for column in AuditEvent.__table__.columns} - {"tenant_id"}


@pytest.mark.parametrize(
    ("statements", "broken"),
    [
        (["DELETE FROM audit_event WHERE seq = 1"], 1),
        (["DELETE FROM audit_event WHERE seq = 3"], 3),
        (["DELETE FROM audit_event WHERE seq = 5"], 5),
        (["DELETE FROM audit_event"], 1),
        (["UPDATE audit_event SET seq = 100 WHERE seq = 3", "UPDATE audit_event SET seq = 3 WHERE seq = 4",
          "UPDATE audit_event SET seq = 4 WHERE seq = 100"], 3),
        (["INSERT INTO audit_event SELECT tenant_id, 6, op, actor_id, acting_role, session_id, token_id, subject_type, subject_id, dealer_id,"
          " changes, request_id, hash, sha256('x'), gen_random_uuid(), created_at FROM audit_event WHERE seq = 5"], 6),
        (["DELETE FROM audit_head"], 1),
        (["UPDATE audit_head SET hash = sha256('x')"], 5),
        (["UPDATE audit_head SET seq = 4"], 4),
        (["UPDATE audit_head SET seq = 6"], 6),
    ],
    ids=["first deleted", "middle deleted", "last deleted", "all deleted", "two swapped", "one added", "no head", "other head", "short head", "long head"],
)  # fmt: skip
async def test_what_is_removed_moved_or_added_is_found(world: World, statements: list[str], broken: int) -> None:
    await acts(world, 3)
    found = await verdict(world)
    assert (found.checked, found.broken_at, found.head.seq) == (5, None, 5)
    await tampered(world, *statements)
    assert (await verdict(world)).broken_at == broken


async def test_an_end_that_was_cut_off_is_found_by_a_head_that_was_kept(world: World) -> None:
    await acts(world, 3)
    kept = (await verdict(world)).head
    await tampered(
        world,
        "DELETE FROM audit_event WHERE seq = 5",
        "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit_event WHERE seq = 4)",
    )
    assert (await verdict(world)).broken_at is None, "the chain alone cannot tell"
    assert (await verdict(world, kept)).broken_at == 5


async def test_a_chain_is_checked_in_pieces_while_it_grows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "CHUNK", 3)
    await acts(world, 9)
    writing = asyncio.create_task(acts(world, 10))
    at, checked, calls = None, 0, 0
    while True:
        written = writing.done()  # before the head is read: what is written while it is checked is for the next piece
        found = await verdict(world, at, at_most=4)
        assert found.broken_at is None
        at, checked, calls = found.at, checked + found.checked, calls + 1
        if found.complete and written:
            break
    assert checked == found.head.seq == 21
    assert calls >= 5
    assert (await verdict(world, seconds=0)).checked == 3, "out of time after one chunk, and not broken for it"
    assert (await verdict(world, Head(5, bytes(32)))).broken_at == 5
    await tampered(world, "UPDATE audit_event SET op = 'other' WHERE seq = 8")
    assert (await verdict(world, at_most=7)).broken_at is None
    assert (await verdict(world, at_most=8)).broken_at == 8


async def test_an_export_is_recomputed_with_nothing_but_hashlib(world: World) -> None:
    await acts(world, 3)
    async with world.souk.app.transaction(world.actors[Role.OWNER], "test") as tx:
        lines = [line async for line in export_audit(tx.session, world.tenant_id)]
    assert recomputed(lines) == 5
    body = json.loads(json.loads(lines[4])["body"])
    assert (body["op"], body["role"], body["tenant"]) == ("test", "ADMIN", str(world.tenant_id))
    assert body["changes"][f"Dealer:{world.dealer}"]["name"][1] == "Näme 2 \"'\\ ✓"

    for wrong in (
        [*lines[:2], lines[2].replace(b"ADMIN", b"OWNER"), *lines[3:]],
        [*lines[:2], *lines[3:]],
        [*lines[:2], lines[3], lines[2], *lines[4:]],
        [*lines[:4], lines[5]],
    ):
        with pytest.raises(AssertionError):
            recomputed(wrong)


def recomputed(lines: list[bytes]) -> int:
    """The recipe of docs/security.md: gives the number of events, or fails."""
    seq, former = 0, hashlib.sha256(b"souk audit").digest()
    *events, last = map(json.loads, lines)
    for event in events:
        seq += 1
        hashed = hashlib.sha256(former + seq.to_bytes(8, "big") + event["body"].encode()).digest()
        assert (event["seq"], event["prev"], event["hash"]) == (seq, former.hex(), hashed.hex())
        former = hashed
    assert (last["head"]["seq"], last["head"]["hash"]) == (seq, former.hex())
    return seq


async def test_the_recipe_of_the_documentation_verifies_an_export(world: World, tmp_path: Path) -> None:
    await acts(world, 3)
    async with world.souk.app.transaction(world.actors[Role.OWNER], "test") as tx:
        lines = [line async for line in export_audit(tx.session, world.tenant_id)]
    text_of = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```python\n(.*?)```", text_of, re.DOTALL)
    assert re.findall(r"^(?:import|from) .*", recipe, re.MULTILINE) == ["import hashlib, json, sys"]
    file = tmp_path / "export"

    def verified(given: list[bytes]) -> str:
        file.write_bytes(b"".join(given))
        done = subprocess.run(
            [sys.executable, "-I", "-c", recipe, str(file)], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() or done.stderr.strip()

    assert verified(lines) == "5 events, unbroken"
    assert verified([*lines[:2], lines[2].replace(b"ADMIN", b"OWNER"), *lines[3:]]) == "broken at event 3"
    assert verified([*lines[:3], *lines[4:]]) == "broken at event 4"
    assert verified([*lines[:4], lines[5]]) == "the end is missing"


def test_the_chain_begins_where_the_recipe_says() -> None:
    assert hashlib.sha256(b"souk audit").digest() == GENESIS


@pytest.mark.parametrize("role", ["souk_app", "souk_worker", "souk_auditor", "souk_owner"])
async def test_nobody_changes_the_audit_with_an_ordinary_statement(world: World, database: str, role: str) -> None:
    connection = await asyncpg.connect(database, server_settings={"role": role})
    refused = asyncpg.InsufficientPrivilegeError if role != "souk_owner" else asyncpg.RestrictViolationError
    before = await world.rows("SELECT * FROM audit_event ORDER BY seq")
    try:
        for table in ("audit_event", "access_refusal"):
            for statement in (
                f"UPDATE {table} SET created_at = now()", f"DELETE FROM {table}", f"TRUNCATE {table}", f"TRUNCATE {table} CASCADE",
                f"UPDATE {table} SET request_id = 'x'",
            ):  # fmt: skip
                async with connection.transaction():
                    await connection.execute("SELECT set_config('souk.tenant_id', $1, true)", str(world.tenant_id))
                    if table == "access_refusal" and role in ("souk_app", "souk_owner"):
                        await connection.execute(
                            "INSERT INTO access_refusal (tenant_id, id, created_at, kind, acting_role, operation, permission)"
                            " VALUES ($1, gen_random_uuid(), now(), 'REFUSED', 'OPS', 'x', 'x')", world.tenant_id,
                        )  # fmt: skip
                    if statement.startswith("TRUNCATE") or role != "souk_auditor" or "audit" in table:
                        with pytest.raises(refused):
                            async with connection.transaction():
                                await connection.execute(statement)
    finally:
        await connection.close()
    assert await world.rows("SELECT * FROM audit_event ORDER BY seq") == before


async def test_replication_mode_does_not_lift_the_triggers(world: World, database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute("DELETE FROM audit_event WHERE tenant_id = $1", world.tenant_id)
    finally:
        await connection.close()


async def test_a_number_that_the_database_would_spell_otherwise_does_not_break_the_chain(world: World) -> None:
    odd = {"INR": 1e20, "JPY": 10**30, "KWD": -0.0, "EUR": 1.10}
    async with world.souk.app.transaction(world.actors[Role.ADMIN], "test", now=NOW) as tx:
        dealer = await tx.session.get(Dealer, (world.tenant_id, world.dealer), with_for_update=True)
        tx.changes[world.dealer] = Change("Dealer", {"odd": [None, journal._shown(odd, None)]})
        tx.emit("dealer.updated", dealer)
    assert (await verdict(world)).broken_at is None
