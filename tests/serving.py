"""`souk serve` in a process of its own."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
KEYS = "test:" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
SECONDS = 60


@asynccontextmanager
async def serving(url: str, **settings: object) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The process and its address, once it listens; it is killed at the end if it is still there."""
    given = {"database_url": url, "encryption_keys": KEYS, "port": 0, "log_format": "json", **settings}
    environment = {**os.environ, **{f"SOUK_{name.upper()}": str(value) for name, value in given.items()}}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "souk", "serve", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    drained: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(SECONDS):
            said = ""
            while '"listening"' not in said:
                said = (await process.stderr.readline()).decode()
                assert said, "it ended before it listened"
        drained = asyncio.create_task(process.stderr.read())  # a full pipe would hold the process up
        process.drained = drained  # type: ignore[attr-defined]
        yield process, f"http://{json.loads(said)['address']}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if drained is not None:
            await drained
