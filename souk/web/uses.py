"""The door, with an eye on service tokens: whoever is looked up is in use."""

from datetime import UTC, datetime

import asyncpg

from souk.db.uses import Uses
from souk.web.sessions import DatabaseDoor, Found


class WatchedDoor(DatabaseDoor):
    """A door that notes which service tokens are shown; once per lookup, so once a second at most for each process."""

    def __init__(self, pool: asyncpg.Pool, wait: float, uses: Uses) -> None:
        super().__init__(pool, wait)
        self.uses = uses

    async def token(self, digest: bytes, *, service: bool) -> Found | None:
        found = await super().token(digest, service=service)
        if found is not None and found.actor.token_id is not None:
            self.uses.note(found.actor.tenant_id, found.actor.token_id, datetime.now(UTC))
        return found
