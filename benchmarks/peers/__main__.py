"""Souk beside other servers and beside the limit, on the same rows, one process on one core each.

    python -m benchmarks.peers [--only souk,limit] [--rounds 5] [--seconds 2] [--postgres URL] [--realtime]

Installs the servers that are pinned, fills a database (or takes the one that is there), checks that all answer equal JSON,
and measures them in turn. A full run writes its tables to benchmarks/README.md; one of some servers only prints them.
Needs Linux, two cores, wrk, and npm for the servers in JavaScript. README.md says what is compared.
"""

import argparse
import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator

import asyncpg
from sqlalchemy import select

from souk.db.embedded import Embedded
from souk.engine.paging import Order
from souk.engine.symbols import write_id
from souk.models import Listing

from . import compare, data, load, report
from .documents import DOCUMENTS, Request
from .servers import JAVASCRIPT, NAMES, OTHER_CORE, OUT, Server, install, node_version, place, place_postgres, serving

POINTS = 200
CONNECTIONS = (1, 16)
WARM = 1
CURSOR_TAG = Order(select(Listing).order_by(Listing.created_at.desc())).tag.hex()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        help=f"of {','.join(NAMES)}; the first is the measure of equal JSON",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each run of each server")
    parser.add_argument(
        "--listings", type=int, default=100_000, help="in all; offers are three times, leads twice as many"
    )
    parser.add_argument(
        "--postgres",
        metavar="URL",
        help="an empty database, or one from an earlier run, as a superuser; without it an embedded one is kept in .out",
    )
    parser.add_argument("--realtime", action="store_true", help="before everything else on this machine; needs root")
    parser.add_argument("--pause", type=float, default=0, help="seconds between runs that are left to other work")
    parser.add_argument("--keep", action="store_true", help="write the tables even of a run of some servers")
    given = parser.parse_args()
    if unknown := set(given.only or ()) - {*NAMES}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    return given


def main() -> None:
    given = arguments()
    names = given.only or list(NAMES)
    load.check_wrk()
    if any(name.startswith(JAVASCRIPT) for name in names):
        install()
    OUT.mkdir(exist_ok=True)
    place(0, OTHER_CORE, False)
    with database(given.postgres) as (url, ready):
        tenants = asyncio.run(data.make(url, given.listings, CURSOR_TAG))
        data.register(url, tenants, OUT)
        requests = asyncio.run(chosen(url, tenants))
        ready(given.realtime)
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(serving(name, url, tenants, CURSOR_TAG, given.realtime)) for name in names]
            strangers = [
                Request(tenants[-1].token, each.variables)
                for each in requests["point"]
                if each.token != tenants[-1].token
            ]
            compare.all_same(servers[0], servers[1:], requests, strangers)
            print(f"{len(servers)} servers answer {sum(map(len, requests.values()))} requests alike", flush=True)
            facts = asyncio.run(told(url, servers, requests, given))
            result = report.Result(list(CONNECTIONS), given.rounds, given.seconds, facts)
            run(result, servers, requests, given.realtime, given.pause)
    made = report.text(result)
    print(made)
    if given.only is None or given.keep:
        report.write("peers", made)


@contextlib.contextmanager
def database(url: str | None) -> Iterator[tuple[str, Callable[[bool], None]]]:
    """The URL, and what puts its server before everything else once it is filled; an embedded one is stopped at the end."""
    if url is not None:
        print("PostgreSQL is not this command's own: it runs on whichever core it likes", flush=True)
        yield url, lambda realtime: None
        return
    server = Embedded(OUT / "postgres", throwaway=True)
    url = server.start()
    place_postgres(server.directory, False)
    try:
        yield url, lambda realtime: place_postgres(server.directory, realtime)
    finally:
        server.stop()


async def chosen(url: str, tenants: list[data.Tenant]) -> dict[str, list[Request]]:
    """Points all over the three tenants, by their size; page and dashboard of the largest one."""
    connection = await asyncpg.connect(url)
    points = []
    for tenant in tenants:
        wanted = round(POINTS * data.SHARES[tenant.slug])
        found = await connection.fetch(
            "SELECT id FROM listing WHERE tenant_id = $1 AND status = 'ACTIVE' ORDER BY md5(id::text) LIMIT $2",
            tenant.id,
            wanted,
        )
        points += [Request(tenant.token, {"id": write_id("Listing", row["id"])}) for row in found]
    await connection.close()
    random.Random(7).shuffle(points)
    largest = Request(tenants[0].token, {})
    return {"point": points, "page": [largest], "dashboard": [largest]}


def run(
    result: report.Result, servers: list[Server], requests: dict[str, list[Request]], realtime: bool, pause: float
) -> None:
    """Every server in turn, again and again, each round beginning with another one."""
    for document, asked in requests.items():
        scripts = {server.name: load.script(server, document, asked) for server in servers}
        for connections in result.connections:
            for server in servers:
                load.measure(server, scripts[server.name], connections, WARM, realtime)
            for number in range(result.rounds):
                turn = number % len(servers)
                for server in servers[turn:] + servers[:turn]:
                    measured = load.measure(server, scripts[server.name], connections, result.seconds, realtime)
                    result.add((document, connections, server.name), measured)
                    compare.same(servers[0], server, document, asked[number % len(asked)])
                    time.sleep(pause)
            print(f"{document}, {connections}: measured", flush=True)


async def told(
    url: str, servers: list[Server], requests: dict[str, list[Request]], given: argparse.Namespace
) -> list[str]:
    """What belongs beside the figures."""
    connection = await asyncpg.connect(url)
    version = await connection.fetchval("SHOW server_version")
    rows = [
        f"{await connection.fetchval(f'SELECT count(*) FROM {table}'):,} {table}s"
        for table in ("listing", "offer", "lead")
    ]
    await connection.close()
    sizes = []
    for document in DOCUMENTS:
        asked = requests[document][0]
        body = servers[0].ask(asked.token, document, asked.variables)
        sizes.append(f"{document} {compare.fields(body.json()['data']):,} fields, {len(body.content):,} bytes")
    runtimes = f"{report.machine()}, PostgreSQL {version}"
    if any(server.name.startswith(JAVASCRIPT) for server in servers):
        runtimes += f", Node {node_version()}"
    shares = ", ".join(f"{share:.0%}" for share in data.SHARES.values())
    load_now = f"{os.getloadavg()[0]:.1f}"
    return [
        runtimes,
        f"{', '.join(rows)}, in three tenants ({shares})",
        "; ".join(sizes),
        f"{given.rounds} rounds of {given.seconds} s for each figure, servers in turn; medians, ratios inside each round"
        f"{'; real-time scheduling' if given.realtime else ''}; load of the machine at the beginning {load_now}",
    ]


if __name__ == "__main__":
    main()
