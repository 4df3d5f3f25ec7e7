"""A page of 50 listings at 1,000,000 listings beside the same at 100,000: the first page, and page 500.

    python -m benchmarks.scale [--rounds 7] [--seconds 2] [--connections 4] [--realtime]

Two databases of one embedded PostgreSQL, a `souk serve` for each, asked in turn; the same documents, roles and cores as
`python -m benchmarks.peers`. The larger one is filled without foreign keys and triggers, which takes some minutes once.
Writes its table to benchmarks/README.md.
"""

import argparse
import asyncio
import contextlib
import os
import statistics

import asyncpg

from souk.db.connect import with_database

from .peers import compare, data, load, report
from .peers.__main__ import CURSOR_TAG, database
from .peers.documents import Request
from .peers.servers import OTHER_CORE, OUT, Server, place, serving

SIZES = {"souk_100k": 100_000, "souk_1m": 1_000_000}
PAGE, NUMBER = 50, 500
MOST = 1.2
LAST_BEFORE = """
SELECT encode(decode($2, 'hex') || timestamptz_send(created_at) || uuid_send(id), 'base64') FROM listing
WHERE tenant_id = $1 AND status = 'ACTIVE' AND deleted_at IS NULL ORDER BY created_at DESC, id DESC OFFSET $3 LIMIT 1
"""


async def prepare(url: str, name: str, listings: int) -> tuple[str, list[data.Tenant]]:
    """The URL of one of the databases, made and filled where it is not there."""
    connection = await asyncpg.connect(url)
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name):
        await connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER builtin LOCALE 'C' BUILTIN_LOCALE 'C.UTF-8'"
        )
    await connection.close()
    own = with_database(url, name)
    tenants = await data.make(own, listings, CURSOR_TAG, checked=False)
    data.register(own, tenants, OUT)
    return own, tenants


async def cursor(url: str, tenant: data.Tenant) -> str:
    """The cursor of the last listing before page 500, in Souk's own form."""
    connection = await asyncpg.connect(url)
    found: str = await connection.fetchval(LAST_BEFORE, tenant.id, CURSOR_TAG, PAGE * (NUMBER - 1) - 1)
    await connection.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--realtime", action="store_true", help="before everything else on this machine; needs root")
    given = parser.parse_args()
    load.check_wrk()
    OUT.mkdir(exist_ok=True)
    place(0, OTHER_CORE, False)
    with database(None) as (url, ready), contextlib.ExitStack() as stack:
        servers: dict[str, Server] = {}
        requests: dict[tuple[str, str], Request] = {}
        prepared = {name: asyncio.run(prepare(url, name, listings)) for name, listings in SIZES.items()}
        ready(given.realtime)
        for name, (own, tenants) in prepared.items():
            servers[name] = stack.enter_context(serving("souk", own, tenants, CURSOR_TAG, given.realtime))
            requests[name, "the first page"] = Request(tenants[0].token, {})
            after = asyncio.run(cursor(own, tenants[0]))
            requests[name, f"page {NUMBER}"] = Request(tenants[0].token, {"after": after})
        check(servers, requests)
        print("filled, and the pages are full", flush=True)
        made = table(measured(servers, requests, given), given)
    print(made)
    report.write("scale", made)


def check(servers: dict[str, Server], requests: dict[tuple[str, str], Request]) -> None:
    """Each page is full, no two begin alike, and another one follows."""
    begins = set()
    for (name, _), asked in requests.items():
        listings = compare.data(servers[name], "page", asked)["listings"]
        assert len(listings["edges"]) == PAGE and listings["pageInfo"]["hasNextPage"]
        begins.add(listings["edges"][0]["node"]["id"])
    assert len(begins) == len(requests)


Speeds = dict[tuple[str, str], list[float]]


def measured(servers: dict[str, Server], requests: dict[tuple[str, str], Request], given: argparse.Namespace) -> Speeds:
    """Requests a second of each page at each size, in each round."""
    found: Speeds = {}
    for number in range(given.rounds + 1):
        for (name, page), asked in requests.items():
            path = load.script(servers[name], "page", [asked])
            run = load.measure(servers[name], path, given.connections, given.seconds, given.realtime)
            if number:  # the first round warms up
                found.setdefault((name, page), []).append(run.speed)
    return found


def table(found: Speeds, given: argparse.Namespace) -> str:
    small, large = SIZES
    lines = [
        f"- {report.machine()}",
        f"- {given.rounds} rounds of {given.seconds} s at {given.connections} connections, in turn; medians, ratios inside"
        f" each round{'; real-time scheduling' if given.realtime else ''}; load of the machine {os.getloadavg()[0]:.1f}",
        "",
        f"| requests/s | {SIZES[small]:,} listings | {SIZES[large]:,} listings | times as long | aim |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for page in dict.fromkeys(page for _, page in found):
        ratio = statistics.median(a / b for a, b in zip(found[small, page], found[large, page], strict=True))
        speeds = " | ".join(f"{statistics.median(found[name, page]):,.0f}" for name in SIZES)
        lines.append(f"| {page} | {speeds} | {ratio:.2f} | ≤ {MOST}; {'reached' if ratio <= MOST else 'missed'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
