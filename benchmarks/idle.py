"""What 10,000 subscriptions to which nothing happens cost a process, and what everybody else notices of them.

    python -m benchmarks.idle [--subscribers 10000] [--seconds 20]

Tells the memory of each, the processor that pings and looks take, and how long `{ viewer { user { id } } }` takes over HTTP
meanwhile, before and beside them. The server is one process with a limit of 20,000 descriptors. Needs Linux.
"""

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.live import cpu, listening, memory, served
from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from tests.world import Souk, make_world

DESCRIPTORS = 20_000
ASK = "{ viewer { user { id } } }"
EVERY = 0.005  # seconds between two questions


async def main(subscribers: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory:
        server = Embedded(Path(directory), throwaway=True)
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            souk = Souk.open(url)
            world = await make_world(souk)
            async with served(world, url, subscribers, SOUK_LIMIT_SCALE="1000") as (pid, asked, _):
                alone = await waits(asked, seconds)
                empty = memory(pid)
                async with listening({**asked, "events": 1, "seconds": 3600}):
                    await asyncio.sleep(2)
                    full, before, began = memory(pid), cpu(pid), perf_counter()
                    await asyncio.sleep(seconds)
                    rest = (cpu(pid) - before) / (perf_counter() - began)
                    beside = await waits(asked, seconds)
                    still = memory(pid)
            await souk.close()
        finally:
            server.stop()
    print(
        f"{subscribers} idle subscriptions: {(full - empty) / subscribers:.1f} KiB each"
        f" ({(still - empty) / subscribers:.1f} KiB after the questions), {rest * 100:.1f} % of a core"
    )
    for name, each in (("alone", alone), ("beside them", beside)):
        cuts = statistics.quantiles(each, n=100)
        print(f"{ASK} {name}: p50 {cuts[49] * 1000:.2f} ms, p95 {cuts[94] * 1000:.2f} ms, p99 {cuts[98] * 1000:.2f} ms")


async def waits(asked: dict[str, Any], seconds: int) -> list[float]:
    """How long each question took, asked one after the other on one connection."""
    body = json.dumps({"query": ASK}).encode()
    lines = ["POST /graphql HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {asked['token']}",
             "Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]  # fmt: skip
    reader, writer = await asyncio.open_connection(asked["host"], asked["port"])
    found, end = [], perf_counter() + seconds
    while perf_counter() < end:
        began = perf_counter()
        writer.write("\r\n".join(lines).encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        answer = await reader.readexactly(int(length.split(b":")[1]))
        found.append(perf_counter() - began)
        assert b'"viewer":{"user":{"id":"' in answer, answer
        await asyncio.sleep(EVERY)
    writer.close()
    return found


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--subscribers", type=int, default=10_000)
    arguments.add_argument("--seconds", type=int, default=20)
    known = arguments.parse_args()
    asyncio.run(main(known.subscribers, known.seconds))
