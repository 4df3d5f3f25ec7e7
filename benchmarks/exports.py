"""Rows a second and memory of an export: `python -m benchmarks.exports [rows …]`, 10,000 and 100,000 by default.

On an embedded PostgreSQL of its own with the settings that `souk run` uses: so many listings of one dealer, taken out with
every column that an OWNER may read, as CSV and as XLSX. Each 1,000 rows are an item, which is stored before the next are read.
Memory is this process's, at its peak.
"""

import asyncio
import gc
import resource
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.models import Listing, new_id
from souk.resolvers.export import ExportCreateInput, export_create
from souk.rules.actor import Role
from souk.rules.enums import ExportFormat, ListName
from souk.worker import exporting
from souk.worker.bringing import to_the_end
from tests.world import KEYRING, Souk, World, make_world

assert exporting.SOURCES
MORE = text("""
INSERT INTO listing SELECT (jsonb_populate_record(NULL::listing, to_jsonb(l) || jsonb_build_object(
  'id', gen_random_uuid(), 'title', 'Thing ' || n, 'price_minor', 10000 + n, 'price_order', 10000 + n,
  'created_at', l.created_at - n * interval '1 second'))).*
FROM listing l, generate_series(2, :rows) n WHERE l.tenant_id = :tenant AND l.id = :id
""")


async def shelf(world: World, rows: int) -> None:
    """So many listings."""
    one = Listing(
        id=new_id(), dealer_id=world.dealer, kind="PRODUCT", status="ACTIVE", title="Thing 1", description="As new; one owner.",
        city="Pune", city_key="pune", price_minor=10_000, price_order=10_000, currency="INR", visibility="PUBLIC",
    )  # fmt: skip
    await world.add(one)
    async with world.souk.app.transaction(world.actor(Role.OWNER), "bench", now=world.now) as tx:
        await tx.session.execute(MORE, {"rows": rows, "tenant": world.tenant_id, "id": one.id})
        tx.emit("bench.filled", one)
    async with world.souk.owner.engine.begin() as connection:
        await connection.execute(text("ANALYZE listing"))


async def export(world: World, worker: Database, format: ExportFormat) -> tuple[Any, float]:
    """The row of a new export, and the seconds that its batch took."""
    given = ExportCreateInput(format=format, list_name=ListName.LISTINGS, idempotency_key=f"bench-{format}-{new_id()}")  # type: ignore[arg-type]
    async with world.souk.app.transaction(world.actor(Role.OWNER), "exportCreate", now=datetime.now(UTC)) as tx:
        batch = (await export_create(tx, given)).id
    found = await to_the_end(worker, world.tenant_id, batch)
    (row,) = await world.rows("SELECT row_count, size FROM export WHERE batch_id = :id", id=batch)
    return row, found.seconds


async def main(sizes: list[int]) -> None:
    gc.freeze()  # as every command does once its modules are there
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as scratch:
        server = Embedded(Path(scratch) / "pg")
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            souk = Souk.open(url)
            worker = Database(url, KEYRING, "souk_worker", files=Directory(Path(scratch) / "files"))
            for rows in sizes:
                world = await make_world(souk)
                await shelf(world, rows)
                for format in ExportFormat:
                    row, seconds = await export(world, worker, format)
                    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                    told = f"{row.row_count:>8} rows as {format}: {row.size / 1e6:.1f} MB in {seconds:.1f} s"
                    print(f"{told}, {row.row_count / seconds:.0f} rows/s, peak {peak:.0f} MB", flush=True)
            await worker.close()
            await souk.close()
        finally:
            server.stop()


if __name__ == "__main__":
    asyncio.run(main([int(each) for each in sys.argv[1:]] or [10_000, 100_000]))
