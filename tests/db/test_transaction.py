"""One transaction: what it did is journalled, in a chain, dense, and all of it or nothing."""

import asyncio

import pytest
from sqlalchemy import TextClause, select, text
from sqlalchemy.exc import IntegrityError

from souk.db.idempotency import Key
from souk.db.proof import verify_audit
from souk.db.session import Transaction
from souk.models import Dealer
from souk.resolvers.dealer.card import DealerCreateInput
from souk.rules.actor import Role
from souk.rules.enums import DealerKind
from souk.rules.errors import IdempotencyInFlight
from tests.world import NOW, World


async def _rename(world: World, name: str, op: str = "test") -> None:
    async with world.souk.app.transaction(world.actors[Role.ADMIN], op, now=NOW) as tx:
        dealer = await tx.session.get(Dealer, (world.tenant_id, world.dealer), with_for_update=True)
        assert dealer is not None
        dealer.name = name
        tx.emit("dealer.updated", dealer)


async def test_events_are_dense_per_subject_and_the_audit_chain_holds_under_parallel_writers(world: World) -> None:
    await asyncio.gather(*(_rename(world, f"Name {n}") for n in range(20)))
    seqs = await world.rows("SELECT seq FROM domain_event WHERE subject_id = :id ORDER BY seq", id=world.dealer)
    assert [seq for (seq,) in seqs] == list(range(1, len(seqs) + 1)) and len(seqs) == 21
    async with world.souk.app.transaction(world.actors[Role.OWNER], "test") as tx:
        verdict = await verify_audit(tx.session, world.tenant_id)
    assert (verdict.checked, verdict.broken_at, verdict.complete) == (22, None, True)


async def test_a_tampered_audit_event_is_found(world: World) -> None:
    for n in range(3):
        await _rename(world, f"Name {n}")
    async with world.souk.owner.engine.begin() as connection:
        await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
        await connection.execute(text("ALTER TABLE audit_event DISABLE TRIGGER append_only"))
        await connection.execute(text("UPDATE audit_event SET acting_role = 'OPS' WHERE seq = 4"))
        await connection.execute(text("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER append_only"))
    async with world.souk.app.transaction(world.actors[Role.OWNER], "test") as tx:
        assert (await verify_audit(tx.session, world.tenant_id)).broken_at == 4


async def test_a_change_that_tells_nobody_does_not_happen(world: World) -> None:
    async def unseen() -> None:
        async with world.souk.app.transaction(world.actors[Role.ADMIN], "test", now=NOW) as tx:
            dealer = await tx.session.get(Dealer, (world.tenant_id, world.dealer))
            assert dealer is not None
            dealer.name = "Unseen"

    with pytest.raises(RuntimeError, match="emitted nothing"):
        await unseen()
    assert await world.rows("SELECT name FROM dealer WHERE id = :id", id=world.dealer) == [("First Motors",)]


async def test_a_twin_in_flight_is_told_to_wait_and_personal_values_are_pseudonyms(world: World) -> None:
    given = DealerCreateInput(kind=DealerKind.DEALERSHIP, name="Once", phone="+919800000009", idempotency_key="k" * 16)  # type: ignore[arg-type]
    actor = world.actors[Role.ADMIN]
    key = Key(actor, "k" * 16, "dealerCreate", given)
    async with world.souk.app.transaction(actor, "test") as tx:
        assert await key.replay(tx.session, NOW) is None
        async with world.souk.app.transaction(actor, "test") as twin:
            with pytest.raises(IdempotencyInFlight):
                await key.replay(twin.session, NOW)
    await world.do(Role.ADMIN, "dealerCreate", "dealer { id }", kind="DEALERSHIP", name="Once", phone="+919800000009")
    kept = await world.rows("SELECT changes::text FROM audit_event WHERE op = 'dealerCreate'")
    assert len(kept) == 1 and "919800000009" not in kept[0][0] and "hmac:" in kept[0][0]


async def test_a_refusal_by_permission_leaves_one_row_and_a_probe_no_flood(world: World) -> None:
    rows = "SELECT acting_role, operation, permission, count(*) FROM access_refusal GROUP BY 1, 2, 3 ORDER BY 1"
    document = 'mutation { skuCreate(input: {code: "A", name: "A", currencyCode: "INR"}) { sku { id } } }'
    for _ in range(61):
        answer = await world.ask(Role.VIEWER, document)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await world.rows(rows) == [("VIEWER", "skuCreate", "sku:write", 60)]
    assert await world.rows("SELECT count(*) FROM sku") == [(0,)]
    denied = await world.do(Role.DEALER, "dealerCreate", "dealer { id }", kind="DEALERSHIP", name="Mine")
    assert [each["code"] for each in denied["userErrors"]] == ["FORBIDDEN"]
    assert (await world.rows(rows))[0] == ("DEALER", "dealerCreate", "dealer:write", 1)


async def test_a_statement_that_was_sent_is_waited_for_by_the_ends_of_savepoint_and_transaction(world: World) -> None:
    renamed = text("UPDATE dealer SET name = :name WHERE id = :id")
    waits = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    key = {"key": f"sent {world.tenant_id}"}
    async with (
        world.souk.app.engine.connect() as other,
        world.souk.app.transaction(world.actors[Role.ADMIN], "t") as tx,
    ):
        await other.execute(waits, key)
        await tx.send(waits, key)
        assert tx._sent is not None and not tx._sent.done()  # it works at it, and we are here
        await other.rollback()
        await tx.landed()
        with pytest.raises(IntegrityError):
            async with tx.savepoint():
                await tx.send(renamed, {"name": None, "id": world.dealer})
        async with tx.savepoint():
            await tx.send(renamed, {"name": "Sent", "id": world.dealer})
        with pytest.raises(KeyError):
            await _taken_back(tx, renamed, world)
        assert (await tx.session.execute(select(Dealer.name).where(Dealer.id == world.dealer))).scalar_one() == "Sent"
        await tx.send(renamed, {"name": "Sent again", "id": world.dealer})
    assert await world.rows("SELECT name FROM dealer WHERE id = :id", id=world.dealer) == [("Sent again",)]


async def _taken_back(tx: Transaction, renamed: TextClause, world: World) -> None:
    async with tx.savepoint():
        await tx.send(renamed, {"name": "Taken back", "id": world.dealer})
        raise KeyError
