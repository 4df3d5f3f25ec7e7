"""How long it takes to prove an audit: `python -m benchmarks.audit_chain [events …]`, 100,000 and 300,000 by default.

On an embedded PostgreSQL of its own. The events are written by the journal's own statement, then the chain is recomputed in
one go, as `souk audit verify` does, and in pieces, as a client of `auditVerify` does.
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from benchmarks.import_rows import tenant
from souk import migrations
from souk.context import Context
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.db.journal import Change, Happened, write_audit
from souk.db.proof import verify_audit
from souk.db.sealing import Keyring
from souk.db.session import Database, system_actor
from souk.engine.scalars import BigInt
from souk.models import new_id
from souk.resolvers.audit import AT_ONCE, audit_verify

EACH = 100  # in one transaction: a row that is changed in place gets slower with each change until the commit


async def main(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory(prefix="souk-bench-") as scratch:
        server = Embedded(Path(scratch) / "pg")
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            keyring = Keyring(Keyring.generate())
            app, owner = Database(url, keyring), Database(url, keyring, "souk_owner")
            for events in sizes:
                id_, dealer = await tenant(owner, app)
                actor, now = system_actor(id_), datetime.now(UTC)
                changes = {dealer: Change("Dealer", {"name": ["Before", "After"], "standing": ["GOOD", "WATCH"]})}
                began = perf_counter()
                for at in range(0, events, EACH):
                    async with app.transaction(actor, "bench", now=now) as tx:
                        for _ in range(min(EACH, events - at)):
                            subject = Happened("dealer.updated", "Dealer", new_id())
                            await write_audit(tx.session, actor, "dealerUpdate", subject, changes, now, "request")
                wrote = perf_counter() - began
                began = perf_counter()
                async with app.transaction(actor, "bench", now=now) as tx:
                    whole = await verify_audit(tx.session, id_)
                took = perf_counter() - began
                assert whole.broken_at is None and whole.complete
                longest, calls, after, hashed = 0.0, 0, None, None
                while True:
                    began = perf_counter()
                    found = await audit_verify(Context(actor, db=app), after, hashed, AT_ONCE)
                    longest, calls = max(longest, perf_counter() - began), calls + 1
                    after, hashed = BigInt(found.at.seq), found.at.hash.hex()
                    if found.complete:
                        break
                print(
                    f"{whole.checked:>8} events: written {events / wrote:.0f}/s, verified {whole.checked / took:.0f}/s in "
                    f"{took:.1f} s; auditVerify: {calls} calls, the longest {longest:.2f} s",
                    flush=True,
                )
            for each in (app, owner):
                await each.close()
        finally:
            server.stop()


if __name__ == "__main__":
    asyncio.run(main([int(each) for each in sys.argv[1:]] or [100_000, 300_000]))
