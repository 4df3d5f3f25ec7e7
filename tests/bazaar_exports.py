"""The exports of the full tenant."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from souk import models as m
from souk.models import new_id
from tests.world import NOW

DAY = timedelta(days=1)


async def add_exports(maker: Any, stored_as: str) -> None:
    """A file of everybody's, of which one half is there and the other is still to be written."""
    people = [actor for actor in (*maker.actors.values(), *maker.others) if actor.principal_id is not None]
    for n, who in enumerate(people):
        whose = {"creator_id": who.user_id, "token_id": who.token_id, "dealer_id": who.dealer_id}
        batch = maker.new(
            m.Batch,
            kind="EXPORT",
            status="COMPLETED",
            title=f"Export {n}",
            selection={},
            plan={},
            impact={},
            **whose,
        )
        whole = (
            {
                "row_count": n,
                "size": 9,
                "sha256": sha256(b"").digest(),
                "stored_as": stored_as,
                "expires_at": NOW + DAY,
            }
            if n % 2
            else {}
        )
        export = maker.new(m.Export, batch_id=batch.id, role=who.role, list_name="LISTINGS", format="CSV", columns=["title"], name="listings.csv",
                          filter={"city": "Pune"} if n % 3 else None, **whose, **whole)  # fmt: skip
        await maker.add(batch)
        await maker.add(export)
        for part in () if whole else (1, 2):
            sql = ("INSERT INTO export_part (tenant_id, id, created_at, export_id, n, row_count, data)"
                   " VALUES (:tenant, :id, now(), :export, :n, 1, 'x') RETURNING id")  # fmt: skip
            await maker.world.rows(sql, tenant=maker.world.tenant_id, id=new_id(), export=export.id, n=part)
