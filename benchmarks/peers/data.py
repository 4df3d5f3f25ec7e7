"""A database as Souk makes it: migrated, with three tenants of uneven size, filled in sets, looked at by ANALYZE."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg

from .documents import DOCUMENTS, sha256

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SHARES = {"large": 0.70, "middle": 0.25, "small": 0.05}
KEYS = "bench:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

FUNCTIONS = """
CREATE SCHEMA IF NOT EXISTS bench;
CREATE OR REPLACE FUNCTION bench.at(n bigint, step float8) RETURNS timestamptz LANGUAGE sql IMMUTABLE
  AS $$ SELECT timestamptz '2026-03-01 09:30:00.25+00' - n * step * interval '1 second' $$;
CREATE OR REPLACE FUNCTION bench.share(n bigint, what text) RETURNS float8 LANGUAGE sql IMMUTABLE
  AS $$ SELECT ('x' || substr(md5(what || n), 1, 8))::bit(32)::bigint / 4294967296.0 $$;
CREATE OR REPLACE FUNCTION bench.city(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT (ARRAY['Pune','Mumbai','Delhi','Zürich','Indore','Łódź','Surat','Kochi'])[1 + n % 8] $$;
-- as a UUIDv7 sorts: by time first
CREATE OR REPLACE FUNCTION bench.key(what text, tenant uuid, n bigint, at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE
  AS $$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid
        FROM md5(what || tenant || n) h $$;
GRANT USAGE ON SCHEMA bench TO souk_owner;
"""
FILLED = ("dealer", "account", "app_user", "listing", "offer", "lead", "search_document")


@dataclass(frozen=True)
class Tenant:
    """One of the three, and the bearer token of its OWNER."""

    slug: str
    id: UUID
    token: str
    listings: int


def souk(url: str, *arguments: str) -> str:
    """What a command of Souk's prints."""
    done = subprocess.run(
        [sys.executable, "-m", "souk", *arguments], cwd=ROOT, env=environment(url), stdout=subprocess.PIPE,
        text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def environment(url: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
    return plain | {"SOUK_DATABASE_URL": url, "SOUK_ENV": "production", "SOUK_ENCRYPTION_KEYS": KEYS}


async def make(url: str, listings: int, tag: str, *, checked: bool = True) -> list[Tenant]:
    """Migrate and fill; what is there already from the same command is kept.

    `tag` is what Souk's cursors of the newest listings begin with, in hexadecimal. Unless `checked`, foreign keys and
    triggers are left out while filling, which then takes a third of the time and leaves the search empty.
    """
    souk(url, "migrate")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(FUNCTIONS)
        tenants = [await _tenant(connection, url, slug, round(listings * share)) for slug, share in SHARES.items()]
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM listing)"):
            await _fill(connection, tenants, checked)
        elif (there := await connection.fetchval("SELECT count(*) FROM listing")) != sum(
            each.listings for each in tenants
        ):
            raise SystemExit(f"the database has {there} listings of another run; name an empty one")
        views = (HERE / "views.sql").read_text(encoding="utf-8")
        await connection.execute(views.replace("{tag}", tag))
    finally:
        await connection.close()
    return tenants


async def _tenant(connection: asyncpg.Connection, url: str, slug: str, listings: int) -> Tenant:
    owner = f"owner@{slug}.example.com"
    found = await connection.fetchval("SELECT id FROM tenant WHERE slug = $1", slug)
    if found is None:
        souk(url, "tenant", "create", slug.title(), "--slug", slug, "--owner", owner)
        found = await connection.fetchval("SELECT id FROM tenant WHERE slug = $1", slug)
    return Tenant(slug, found, souk(url, "token", "create", "--tenant", slug, "--user", owner), listings)


async def _fill(connection: asyncpg.Connection, tenants: list[Tenant], checked: bool) -> None:
    began = monotonic()
    print("filling …", flush=True)
    statements = [each for each in (HERE / "data.sql").read_text(encoding="utf-8").split(";\n") if "INSERT" in each]
    for tenant in tenants:
        async with connection.transaction():
            if not checked:
                await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute("SET LOCAL ROLE souk_owner")
            await connection.execute("SELECT set_config('souk.tenant_id', $1, true)", str(tenant.id))
            for statement in statements:
                arguments: list[Any] = [tenant.id, tenant.listings]
                await connection.execute(statement, *arguments[: 2 if "$2" in statement else 1])
            if not checked:
                await connection.execute("SELECT souk.count_again()")
    for table in FILLED:
        await connection.execute(f"VACUUM (ANALYZE, FREEZE) {table}")
    await connection.execute("CHECKPOINT")
    rows = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in FILLED}
    print(
        f"filled in {monotonic() - began:.0f} s: " + ", ".join(f"{n} {table}" for table, n in rows.items()), flush=True
    )


def register(url: str, tenants: list[Tenant], directory: Path) -> None:
    """Register the documents for each tenant, as an application's build does."""
    manifest = directory / "manifest.json"
    manifest.write_text(json.dumps({sha256(text): text for text in DOCUMENTS.values()}), encoding="utf-8")
    version = sha256("".join(DOCUMENTS.values()))[:12]
    for tenant in tenants:
        souk(url, "documents", "push", str(manifest), "--tenant", tenant.slug, "--app", "peers", "--version", version)
