"""Prices a second that are held against policies: `python -m benchmarks.detection [prices] [breaches in 1000]`.

100,000 by default, 50 breaches in a thousand, of 200 dealers and 500 SKUs with a MAP each. "detection" is the rule alone, as
`observe_all` runs it, a thousand prices in a transaction, with alerts, evidence, events and audit; "import" is the same file
through the batch engine, 200 at once, where each price is also read, kept, and an item with its attempt and event.
"""

import asyncio
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from benchmarks.ground import Ground, ground
from souk.db.session import system_actor
from souk.resolvers.observation import Seen, Sight, observe_all

CHUNK, DEALERS, SKUS, LIMIT = 1_000, 200, 500, 90_000
START = datetime(2026, 1, 1, tzinfo=UTC)
POLICIES = """
what = "PRICE_POLICIES"
name = "bench"
currency = "INR"
create = ["SKU"]
[constants]
kind = "MAP"
valid_from = "2025-01-01T00:00:00Z"
[fields.sku]
from = "sku"
[fields.amount]
from = "mrp"
times = 0.9
"""
OBSERVATIONS = """
what = "PRICE_OBSERVATIONS"
name = "bench"
currency = "INR"
key = ["id"]
create = ["SELLER"]
[fields.sku]
from = "sku"
[fields.seller]
from = "shop"
[fields.price]
from = "price"
[fields.captured_at]
from = "at"
"""


def prices(number: int, breaches: int) -> list[tuple[int, int, int, datetime]]:
    """(SKU, dealer, price, when), the same each time."""
    chance = random.Random(number)
    return [
        (
            chance.randrange(SKUS), chance.randrange(DEALERS),
            LIMIT - chance.randrange(1, 20_000) if chance.randrange(1000) < breaches else LIMIT + chance.randrange(10_000),
            START + timedelta(seconds=n),
        )
        for n in range(number)
    ]  # fmt: skip


async def rule(on: Ground, rows: list[tuple[int, int, int, datetime]]) -> float:
    """The rule alone, a transaction a chunk."""
    skus = dict(await on.rows("SELECT code, id FROM sku WHERE tenant_id = :tenant"))
    dealers = dict(await on.rows("SELECT name, id FROM dealer WHERE tenant_id = :tenant"))
    sights: list[Sight] = [
        (Seen(skus[f"S-{sku}"], price, "INR", at, dealers[f"Shop {dealer}"]), ()) for sku, dealer, price, at in rows
    ]
    began = monotonic()
    for at in range(0, len(sights), CHUNK):
        async with on.worker.transaction(system_actor(on.tenant_id), "bench", now=START, system=True) as tx:
            await observe_all(tx, sights[at : at + CHUNK])
        if at == 0:
            await on.worker.look_again()
    return monotonic() - began


async def main(number: int, breaches: int) -> None:
    rows = prices(number, breaches)
    async with ground() as on:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "rows.csv"
            for name in ("detection", "import"):
                here = await on.fresh()
                path.write_text("sku,mrp\n" + "".join(f"S-{n},1000\n" for n in range(SKUS)), encoding="utf-8")
                await here.bring(path, POLICIES)
                # one price of each dealer, so that all are there
                few = rows if name == "import" else [(0, n, LIMIT, START) for n in range(DEALERS)]
                lines = (
                    f"{n},S-{s},Shop {d},{p // 100}.{p % 100:02},{t.isoformat()}\n"
                    for n, (s, d, p, t) in enumerate(few)
                )
                path.write_text("id,sku,shop,price,at\n" + "".join(lines), encoding="utf-8")
                done = await here.bring(path, OBSERVATIONS)
                seconds = done.seconds if name == "import" else await rule(here, rows)
                alerts, evidence = (
                    await here.rows(
                        "SELECT (SELECT count(*) FROM alert WHERE tenant_id = :tenant),"
                        " (SELECT count(*) FROM evidence_snapshot WHERE tenant_id = :tenant)"
                    )
                )[0]
                print(
                    f"{name}: {number} prices in {seconds:.1f} s, {number / seconds:.0f}/s, {alerts} alerts,"
                    f" {evidence} pieces of evidence",
                    flush=True,
                )


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:3]]
    asyncio.run(main(*(given + [100_000, 50][len(given) :])))
