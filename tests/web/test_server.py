"""The process: it ends in order, in time, and with its parent."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.web.test_sockets import PROTOCOL, Wire, code_of, connect

ROOT = Path(__file__).parent.parent.parent
SECONDS = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def process(*arguments, **options):
    """A server of the shop in a process of its own, ready; killed when it is still there at the end."""
    port = free_port()
    environment = {**os.environ, "SOUK_PORT": str(port), "PYTHONPATH": str(ROOT)}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, env=environment, cwd=ROOT, stderr=asyncio.subprocess.PIPE, **options
    )
    try:
        async with asyncio.timeout(SECONDS):
            assert (await started.stderr.readline()).endswith(b"listening\n")
        yield started, port
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_sigterm_lets_requests_finish_and_tells_subscribers(tmp_path):
    async with process("tests.web.shop") as (server, port), httpx.AsyncClient(timeout=SECONDS) as http:
        base = f"http://127.0.0.1:{port}"
        async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=[PROTOCOL]) as opened:
            ws = await Wire(opened).init()
            await ws.ask("subscription { ever }", "s")
            assert (await ws.hear())["payload"] == {"data": {"ever": 0}}
            held = asyncio.create_task(http.post(f"{base}/graphql", json={"query": "{ hold }"}))
            assert await server.stderr.readline() == b"holding\n"
            server.send_signal(signal.SIGTERM)
            assert code_of(await ws.hear()) == ("s", "error", "SHUTTING_DOWN")
            assert (await ws.closed())[0] == 1012
        assert not held.done()
        server.send_signal(signal.SIGUSR1)
        assert (await held).json() == {"data": {"hold": "released"}}
        async with asyncio.timeout(SECONDS):
            assert await server.wait() == 0


async def test_it_ends_with_its_parent():
    async with process("tests.web.shop", "attached", stdin=asyncio.subprocess.PIPE) as (server, _):
        server.stdin.close()
        async with asyncio.timeout(SECONDS):
            assert await server.wait() == 0


async def test_a_port_that_is_taken_is_said_and_not_survived():
    async with process("tests.web.shop") as (_, port):
        environment = {**os.environ, "SOUK_PORT": str(port), "PYTHONPATH": str(ROOT)}
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.web.shop", env=environment, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        _, said = await asyncio.wait_for(second.communicate(), SECONDS)
        assert second.returncode == 1
        assert b"address already in use" in said
