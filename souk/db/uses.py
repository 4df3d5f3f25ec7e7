"""When a service token was last shown: written beside the requests, at most once a minute for each token."""

import asyncio
import contextlib
from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

EVERY = timedelta(minutes=1)
KNOWN = 10_000
log = structlog.get_logger("souk.uses")

TENANT = text("SELECT set_config('souk.tenant_id', :tenant, true)")
# Not a change of the token: no version, no event. The condition holds the minute over all processes.
USED = text("""
UPDATE service_token SET last_used_at = :now
WHERE tenant_id = :tenant AND id = :token AND (last_used_at IS NULL OR last_used_at <= :before)
""")


class Uses:
    """`note` is cheap and never waits; a task of its own writes, one token after the other."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._noted: OrderedDict[UUID, datetime] = OrderedDict()
        self._due: dict[UUID, tuple[UUID, datetime]] = {}
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    def note(self, tenant_id: UUID, token_id: UUID, now: datetime) -> None:
        """A token was shown."""
        before = self._noted.get(token_id)
        if before is not None and now - before < EVERY:
            return
        self._noted[token_id] = now
        self._noted.move_to_end(token_id)
        if len(self._noted) > KNOWN:
            self._noted.popitem(last=False)
        self._due[token_id] = (tenant_id, now)
        self._wake.set()

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write what is still to be written, and end."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
            self._writer = None
        await self.write()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.write()

    async def write(self) -> None:
        """Write what was noted. What cannot be written is left out: nothing hangs on it."""
        while self._due:
            token_id, (tenant_id, now) = self._due.popitem()
            try:
                async with self.engine.begin() as connection:
                    await connection.execute(TENANT, {"tenant": str(tenant_id)})
                    await connection.execute(
                        USED, {"tenant": tenant_id, "token": token_id, "now": now, "before": now - EVERY}
                    )
            except (SQLAlchemyError, OSError) as error:
                log.warning("the use of a token could not be written down", error=type(error).__name__)
