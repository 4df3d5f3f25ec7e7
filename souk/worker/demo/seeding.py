"""The whole demo: made once, wiped and made again on demand; never anything but tenants that are marked as a demo."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Table, text

from ...db.session import Database, system_actor
from ...models import Model, Tenant, ids_of
from .. import enforcement, exporting, importing
from .apps import seed_apps
from .exports import seed_exports
from .ground import Doors, Ground, make_tenant, tenant_id_of
from .pahiyaa import seed_pahiyaa
from .pharos import seed_pharos
from .signing_in import seed_signing_in
from .tokens import tokens

TENANTS = ("pharos", "pahiyaa", "twin")
TWIN_ROWS = 200
LONGEST = timedelta(minutes=15)
"""What making one tenant may take; what it left half made is free for workers after that."""
FREED = text("UPDATE souk.work SET lease_until = NULL WHERE tenant_id = :tenant")
KINDS = (enforcement.Enforce, exporting.ReadRows, importing.ImportRow)
"""The kinds of batches that the demo has: known once their modules are imported."""


async def seed(doors: Doors, now: datetime, *, rows: int | None = None, only: tuple[str, ...] = TENANTS) -> list[str]:
    """Make the demo tenants that are not there; gives their names. One that was left half made is made anew.

    `rows` cuts the real listings short, for tests. Raises LookupError where the database is nobody's demo.
    """
    made, at = [], now.replace(minute=0, second=0, microsecond=0)
    if await _somebody_elses(doors.owner):
        raise LookupError("this database has tenants and none of them is a demo")
    for slug in only:
        state = await _state(doors.owner, slug)
        if state == "whole":
            continue
        if state == "half":
            await wipe(doors, slug)
        ground = Ground(slug, doors, at)
        with ids_of(ground.following), _held(doors):
            hosts = (f"{slug}.localhost", f"shop.{slug}.localhost", f"desk.{slug}.localhost")
            await make_tenant(ground, {"pharos": "PharOS", "pahiyaa": "Do Pahiyaa", "twin": "Twin"}[slug], hosts)
            if slug in ("pharos", "twin"):
                await seed_pharos(ground)
            if slug in ("pahiyaa", "twin"):
                await seed_pahiyaa(ground, TWIN_ROWS if slug == "twin" else rows)
                await seed_exports(ground)
            await seed_apps(ground)
            await seed_signing_in(ground)
            await tokens(doors, slug, now)
            async with ground.act(None, "demoSeed", at) as tx:
                tx.emit("tenant.seeded", await tx.session.get_one(Tenant, ground.tenant_id))
                await tx.session.execute(FREED, {"tenant": ground.tenant_id})
        made.append(slug)
    return made


@contextmanager
def _held(doors: Doors) -> Iterator[None]:
    """Workers that run meanwhile wait: a batch is at the place where the demo wants it only if nobody else works on it."""
    until = datetime.now(UTC) + LONGEST
    doors.app.held_until = doors.worker.held_until = until
    try:
        yield
    finally:
        doors.app.held_until = doors.worker.held_until = None


async def reset(doors: Doors, now: datetime, *, rows: int | None = None) -> None:
    """Bring the demo back to what it was. Raises LookupError as `seed` does."""
    for slug in TENANTS:
        if await _state(doors.owner, slug) != "none":
            await wipe(doors, slug)
    await seed(doors, now, rows=rows)


async def _somebody_elses(owner: Database) -> bool:
    """Whether there are tenants, but none that is marked as a demo."""
    async with owner.engine.begin() as connection:
        await connection.execute(text("SET LOCAL ROLE souk_door"))  # the owner of the tables sees one tenant at a time
        return (
            await connection.execute(text("SELECT count(*) > 0 AND NOT bool_or(demo) FROM tenant"))
        ).scalar() is True


async def _state(owner: Database, slug: str) -> str:
    """none, half or whole. Raises LookupError where the name is a real tenant's."""
    tenant = tenant_id_of(slug)
    async with owner.transaction(system_actor(tenant), "demo", system=True) as tx:
        there = (await tx.session.execute(text("SELECT demo FROM tenant WHERE id = :id"), {"id": tenant})).scalar()
        if there is None:
            taken = (await tx.session.execute(text("SELECT souk.tenant_by_slug(:slug)"), {"slug": slug})).scalar()
            if taken is not None:
                raise LookupError(f"{slug} is a tenant that the demo did not make")
            return "none"
        if not there:
            raise LookupError(f"{slug} is a tenant that the demo did not make")
        seeded = text("SELECT 1 FROM domain_event WHERE subject_id = :id AND type = 'tenant.seeded'")
        return "whole" if (await tx.session.execute(seeded, {"id": tenant})).scalar() else "half"


async def wipe(doors: Doors, slug: str) -> None:
    """Remove a demo tenant with all it has, what is append-only too; the database lets only its owner do that."""
    tenant: UUID = tenant_id_of(slug)
    async with doors.owner.engine.begin() as connection:
        await connection.execute(
            text("SELECT set_config('souk.tenant_id', :t, true), set_config('souk.wiping', :t, true)"),
            {"t": str(tenant)},
        )
        # whoever is at something in the tenant ends it first; whoever begins now finds nothing afterwards
        await connection.execute(text("SELECT FROM tenant WHERE id = :t FOR UPDATE"), {"t": tenant})
        await connection.execute(text("SELECT FROM batch WHERE tenant_id = :t FOR UPDATE"), {"t": tenant})
        for table in reversed(Model.metadata.sorted_tables):
            if "tenant_id" in table.c:
                await connection.execute(text(f"DELETE FROM {_name(table)} WHERE tenant_id = :t"), {"t": tenant})
        await connection.execute(text("DELETE FROM tenant WHERE id = :t AND demo"), {"t": tenant})
    shutil.rmtree(doors.files.root / tenant.hex, ignore_errors=True)


def _name(table: Table) -> str:
    return f"{table.schema}.{table.name}" if table.schema else table.name
