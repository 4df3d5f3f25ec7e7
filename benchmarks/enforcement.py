"""A bulk enforcement at full size: `python -m benchmarks.enforcement [--items 10000] [--action SEND_WARNING] [--workers 2]`.

On an embedded PostgreSQL of its own: so many dealers with a listing in breach and its alert each, one preview, one batch, real
worker processes. Each item moves a dealer or a listing and its alert, and leaves events, an attempt and a line of the stream;
each chunk an audit event. Told are the preview, the batch's making, its start and its run, in seconds.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import text

from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.db.events import Relay
from souk.engine.symbols import write_id
from souk.models import Alert, Dealer, Listing, Sku, new_id
from souk.resolvers.batch import BatchStartInput, batch_start
from souk.resolvers.kinds import BatchAlertFilter, BatchPlan, BatchSelection
from souk.resolvers.preview import BatchCreateInput, BatchPreviewInput, batch_create, batch_preview
from souk.rules.actor import Role
from souk.rules.enums import BatchAction, BatchKind
from souk.worker import enforcement
from tests.world import Souk, World, make_world

COPY = """
INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, {changes})).*
FROM {table}, unnest(CAST(:dealers AS uuid[]), CAST(:listings AS uuid[]), CAST(:alerts AS uuid[])) AS n(d, l, a)
WHERE {table}.tenant_id = :tenant AND {table}.id = :model
"""
CHANGES = {
    "dealer": "jsonb_build_object('id', n.d)",
    "listing": "jsonb_build_object('id', n.l, 'dealer_id', n.d)",
    "alert": "jsonb_build_object('id', n.a, 'listing_id', n.l, 'dealer_id', n.d)",
}
assert enforcement.ACTIONS


async def breaches(world: World, number: int) -> None:
    """So many dealers under watch, each with one listing below the policy and its alert."""
    sku = Sku(id=new_id(), code="SKU-1", name="Thing", currency="INR")
    dealer = Dealer(id=new_id(), kind="DEALERSHIP", name="One", verification="VERIFIED", standing="WATCH", notice=0)
    listing = Listing(
        id=new_id(), dealer_id=dealer.id, kind="PRODUCT", status="ACTIVE", title="Thing", price_minor=90_000,
        price_order=90_000, currency="INR", visibility="PUBLIC", sku_id=sku.id,
    )  # fmt: skip
    alert = Alert(
        id=new_id(), kind="MAP_BREACH", status="OPEN", severity="HIGH", score_tenths=700, cycle=1, dealer_id=dealer.id,
        sku_id=sku.id, listing_id=listing.id, price_minor=90_000, policy_minor=100_000, currency="INR",
        first_seen_at=world.now, last_seen_at=world.now, impact=[], impact_minor=1000, evidence_head=b"seen",
    )  # fmt: skip
    await world.add(sku, dealer, listing, alert)
    ids: dict[str, Any] = {name: [new_id() for _ in range(number - 1)] for name in ("dealers", "listings", "alerts")}
    models = {"dealer": dealer.id, "listing": listing.id, "alert": alert.id}
    async with world.souk.app.transaction(world.actor(Role.OWNER), "bench", now=world.now) as tx:
        for table, changes in CHANGES.items():
            copied = text(COPY.format(table=table, changes=f"to_jsonb({table}) || {changes}"))
            await tx.session.execute(copied, {**ids, "tenant": world.tenant_id, "model": models[table]})
        tx.emit("bench.filled", alert)
    async with world.souk.owner.engine.begin() as connection:  # rows that came one by one had been looked at by now
        await connection.execute(text("ANALYZE dealer, listing, alert"))
    more = {"undoSeconds": 0, "fourEyes": [{"amount": "10000000.00", "currencyCode": "INR"}]}
    changed = await world.do(Role.OWNER, "settingsUpdate", "settings { version }", expectedVersion=1, **more)
    assert changed["userErrors"] == [], changed


async def prepared(world: World, action: BatchAction) -> Any:
    """Preview, batch and start, as OPS; the seconds of each are printed."""
    actor = world.actor(Role.OPS)

    async def timed(name: str, work: Any, given: Any) -> Any:
        began = perf_counter()
        async with world.souk.app.transaction(actor, name, now=datetime.now(UTC)) as tx:
            made = await work(tx, given)
        print(f"{name:>14}: {perf_counter() - began:.2f} s", flush=True)
        return made

    plan = BatchPlan(action=action, reason="Below the policy.")
    preview = await timed(
        "batchPreview", batch_preview,
        BatchPreviewInput(kind=BatchKind.ENFORCEMENT, selection=BatchSelection(alerts=BatchAlertFilter()), plan=plan),
    )  # fmt: skip
    given = BatchCreateInput(preview_id=write_id("BatchPreview", preview.id), idempotency_key="enforcement-bench")  # type: ignore[arg-type]
    batch = await timed("batchCreate", batch_create, given)
    begun = BatchStartInput(id=write_id("Batch", batch.id), idempotency_key="enforcement-bench")  # type: ignore[arg-type]
    await timed("batchStart", batch_start, begun)
    return batch.id


async def main(items: int, action: str, workers: int) -> None:
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory:
        server = Embedded(Path(directory), throwaway=True)
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            souk = Souk.open(url)
            relay = Relay(url, "souk_app")  # as a server has one: its commits wake the workers
            souk.app.committed.append(relay.tell)
            await relay.start()
            world = await make_world(souk)
            await breaches(world, items)
            given = {"SOUK_DATABASE_URL": url, "SOUK_LOG_LEVEL": "error"}
            started = [
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "souk", "worker", env={**os.environ, **given}
                )
                for _ in range(workers)
            ]
            await asyncio.sleep(8)  # they are up, and idle
            batch = await prepared(world, BatchAction[action])
            await run(world, batch, items)
            for each in started:
                each.terminate()
                await each.wait()
            await relay.stop()
            await souk.close()
        finally:
            server.stop()


async def run(world: World, batch: Any, items: int) -> None:
    while True:
        (row,) = await world.rows("SELECT * FROM batch WHERE id = :id", id=batch)
        if row.ended_at is not None:
            break
        await asyncio.sleep(0.1)
    seconds = (row.ended_at - row.started_at).total_seconds()
    told = f"{row.succeeded} succeeded, {row.failed} failed, {row.skipped} skipped"
    print(f"{'run':>14}: {seconds:.2f} s, {items / seconds:.0f} items/s; {row.status}: {told}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--action", default="SEND_WARNING")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    asyncio.run(main(given.items, given.action, given.workers))
