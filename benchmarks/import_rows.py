"""Rows a second and memory of the listing import: `python -m benchmarks.import_rows [rows …]`, 10,000 and 100,000 by default.

On an embedded PostgreSQL of its own with the settings that `souk run` uses; each row is a listing with its detail, item,
attempt and event, each chunk an audit event and an event of the batch. Memory is this process's, at its peak.
"""

import asyncio
import gc
import random
import resource
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.db.sealing import Keyring
from souk.db.session import Database, system_actor
from souk.gateways.storage import Directory
from souk.models import Dealer, Tenant, TenantSettings, new_id
from souk.worker.bringing import begin, to_the_end, upload_file

HEADER = "model_name,model_year,kms_driven,owner,location,mileage,power,price\n"
MODELS = ("Bajaj Pulsar 150", "Royal Enfield Classic 350cc", "Honda CB Shine", "TVS Apache RTR 160", "KTM Duke 200")
CITIES = ("pune", "delhi", "mumbai", "chennai", "kolkata")


def write(path: Path, rows: int) -> None:
    """A file like the shipped one; one row in four holds the mileage where the kilometres belong."""
    chance = random.Random(rows)
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for n in range(rows):
            year, km = chance.randrange(2000, 2024), chance.randrange(100_000)
            driven = "Mileage 35 Kmpl" if chance.random() < 0.25 else f"{km} Km"
            model, city = chance.choice(MODELS), chance.choice(CITIES)
            price = 10_000 + n
            file.write(f'{model} {year},{year},{driven},first owner,{city},"\n\n 35 kmpl",19 bhp,{price}\n')


async def tenant(db: Database, app: Database) -> tuple[UUID, UUID]:
    """A tenant with one verified dealer."""
    id_, now = uuid4(), datetime.now(UTC)
    made = Tenant(
        id=id_, slug=f"bench-{id_.hex[:8]}", name="Bench", status="ACTIVE", default_currency="INR", country="IN",
        timezone="Asia/Kolkata", locale="en", tax_profile="SELLER", demo=True, created_at=now,
    )  # fmt: skip
    async with db.transaction(system_actor(id_), "tenantCreate", now=now, system=True) as tx:
        tx.session.add(made)
        await tx.session.flush()
        tx.add(TenantSettings(id=new_id(), n=1, current=True, four_eyes={}, severity_ref={}))
        tx.emit("tenant.created", made)
    async with app.transaction(system_actor(id_), "bench", now=now, system=True) as tx:
        dealer = tx.add(
            Dealer(id=new_id(), kind="DEALERSHIP", name="One", verification="VERIFIED", standing="GOOD", notice=0)
        )
        tx.emit("dealer.created", dealer)
    return id_, dealer.id


async def main(sizes: list[int]) -> None:
    gc.freeze()  # as every command does once its modules are there
    with tempfile.TemporaryDirectory(prefix="souk-bench-") as scratch:
        server = Embedded(Path(scratch) / "pg")
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            files, keyring = Directory(Path(scratch) / "files"), Keyring(Keyring.generate())
            app, owner = Database(url, keyring, files=files), Database(url, keyring, "souk_owner")
            worker = Database(url, keyring, "souk_worker", files=files)
            for rows in sizes:
                id_, dealer = await tenant(owner, app)
                path = Path(scratch) / "rows.csv"
                write(path, rows)
                for run in ("first", "again"):
                    upload = await upload_file(app, files, id_, path, now=datetime.now(UTC), limit=10**9)
                    batch = await begin(app, id_, upload, "used_bikes", now=datetime.now(UTC), dealer_id=dealer)
                    found = await to_the_end(worker, id_, batch)
                    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                    print(
                        f"{rows:>8} rows, {run}: {found.imported} imported, {found.unchanged} unchanged, "
                        f"{found.refused} refused, {found.rows / found.seconds:.0f} rows/s, peak {peak:.0f} MB",
                        flush=True,
                    )
            for each in (app, owner, worker):
                await each.close()
        finally:
            server.stop()


if __name__ == "__main__":
    asyncio.run(main([int(each) for each in sys.argv[1:]] or [10_000, 100_000]))
