"""From what a request names to the text of a document: registered ones by hash, others where the client may send them.

Registered are the documents that come with the program and those of the tenant's manifests. Where a client may send any
document, Apollo's automatic registration is served too, out of a bounded memory of the process.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from souk.documents.shipped import Shipped
from souk.rules.actor import Actor
from souk.rules.client import ClientClass
from souk.rules.manifest import digest

KEPT, KEPT_BYTES = 5_000, 33_554_432
AUTOMATIC_BYTES = 16_777_216
TOUCHED = 10_000
NOT_FOUND = "PersistedQueryNotFound"  # the very words that Apollo's clients look for
log = structlog.get_logger("souk.documents")

Key = tuple[UUID, bytes]


class DocumentRefused(Exception):
    """Why there is no document to run; `code` is one of the contract's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Known(NamedTuple):
    """A document to run, with its digest, and whether it is a registered one: its name may then be counted by."""

    text: str
    sha256: bytes
    registered: bool


class Source(Protocol):
    """The documents of the tenants' manifests."""

    async def find(self, tenant_id: UUID, sha256: bytes) -> str | None: ...

    async def touch(self, tenant_id: UUID, used: Collection[bytes], now: datetime) -> None: ...


class Store:
    """One for a process. `ad_hoc` are the classes of clients that may send documents that nobody registered."""

    def __init__(
        self,
        source: Source,
        ad_hoc: Collection[ClientClass],
        shipped: Mapping[bytes, Shipped],
        *,
        automatic: int = 1_000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.source, self.ad_hoc, self.shipped, self.now = source, frozenset(ad_hoc), shipped, now
        self._registered = _Texts(KEPT, KEPT_BYTES)
        self._automatic = _Texts(automatic, AUTOMATIC_BYTES)
        self._touched: OrderedDict[Key, datetime] = OrderedDict()
        self._pending: dict[UUID, set[bytes]] = {}
        self._writer: asyncio.Task[None] | None = None

    async def document(
        self, query: str | None, sha256: bytes | None, actor: Actor, client: ClientClass, *, automatic: bool = False
    ) -> Known:
        """What to run. `sha256` is what the request names, `automatic` whether by Apollo's protocol.

        Raises DocumentRefused, and what the database raises.
        """
        known = self.at_hand(query, sha256, actor, client, automatic=automatic)
        if known is not None:
            return known
        if query is None:
            return await self._named(sha256 or b"", actor, client)
        found = digest(query)
        if await self._find(found, actor) is None:
            raise DocumentRefused("PERSISTED_QUERY_REQUIRED", "Only registered documents are answered here.")
        return Known(query, found, True)

    def at_hand(
        self, query: str | None, sha256: bytes | None, actor: Actor, client: ClientClass, *, automatic: bool = False
    ) -> Known | None:
        """The same, where nothing needs to be looked for; None: `document` has to look. Raises DocumentRefused."""
        if query is None:
            text = self._kept(sha256 or b"", actor)
            return Known(text, sha256 or b"", True) if text is not None else None
        found = digest(query)
        if sha256 is not None and sha256 != found:
            raise DocumentRefused("BAD_REQUEST", "provided sha does not match query")
        if client not in self.ad_hoc:
            return Known(query, found, True) if self._kept(found, actor) is not None else None
        if automatic:
            self._automatic.put((actor.tenant_id, found), query)
        return Known(query, found, found in self.shipped)

    async def _named(self, sha256: bytes, actor: Actor, client: ClientClass) -> Known:
        found = await self._find(sha256, actor)
        if found is not None:
            return Known(found, sha256, True)
        if client in self.ad_hoc:
            found = self._automatic.get((actor.tenant_id, sha256))
        if found is None:
            raise DocumentRefused("PERSISTED_QUERY_NOT_FOUND", NOT_FOUND)
        return Known(found, sha256, False)

    async def _find(self, sha256: bytes, actor: Actor) -> str | None:
        key = (actor.tenant_id, sha256)
        found = await self.source.find(*key)
        if found is not None:
            self._registered.put(key, found)
            self._touch(key)
        return found

    def _kept(self, sha256: bytes, actor: Actor) -> str | None:
        """A registered document that need not be looked for."""
        if (own := self.shipped.get(sha256)) is not None:
            return own.text
        key = (actor.tenant_id, sha256)
        found = self._registered.get(key)
        if found is not None:
            self._touch(key)
        return found

    def _touch(self, key: Key) -> None:
        minute = self.now().replace(second=0, microsecond=0)
        if self._touched.get(key) == minute:
            return
        self._touched[key] = minute
        self._touched.move_to_end(key)
        if len(self._touched) > TOUCHED:
            self._touched.popitem(last=False)
        self._pending.setdefault(key[0], set()).add(key[1])
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._pending:
            tenant_id, used = self._pending.popitem()
            try:
                await self.source.touch(tenant_id, used, self.now())
            except (SQLAlchemyError, OSError) as error:
                log.warning("the last use of documents could not be written down", error=type(error).__name__)

    async def close(self) -> None:
        """What was used is still written down."""
        if self._writer is not None:
            await self._writer


class _Texts:
    """The most recently used texts, bounded by their number and by their bytes."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most, self.most_bytes, self.bytes = most, most_bytes, 0
        self._kept: OrderedDict[Key, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> str | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Key, document: str) -> None:
        self.bytes += len(document) - len(self._kept.get(key, ""))
        self._kept[key] = document
        self._kept.move_to_end(key)
        while len(self._kept) > self.most or self.bytes > self.most_bytes:
            self.bytes -= len(self._kept.popitem(last=False)[1])


TENANT = text("SELECT set_config('souk.tenant_id', :tenant, true)")
FIND = text(
    "SELECT document FROM persisted_operation WHERE tenant_id = :tenant AND sha256 = :sha256 ORDER BY id LIMIT 1"
)
# somebody else who writes the same down at this moment does it for both
TOUCH = text("""
UPDATE persisted_operation SET last_used_at = :now
WHERE (tenant_id, id) IN (
  SELECT tenant_id, id FROM persisted_operation
  WHERE tenant_id = :tenant AND sha256 = ANY (:used) AND (last_used_at IS NULL OR last_used_at < :now)
  FOR UPDATE SKIP LOCKED)
""").bindparams(bindparam("used", type_=ARRAY(BYTEA)))


class Registered:
    """The tenants' manifests in the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def find(self, tenant_id: UUID, sha256: bytes) -> str | None:
        async with self.engine.begin() as connection:
            await connection.execute(TENANT, {"tenant": str(tenant_id)})
            found: str | None = (await connection.execute(FIND, {"tenant": tenant_id, "sha256": sha256})).scalar()
            return found

    async def touch(self, tenant_id: UUID, used: Iterable[bytes], now: datetime) -> None:
        """Written to the minute: a document that everybody sends is one write per process and minute."""
        minute = now.replace(second=0, microsecond=0)
        async with self.engine.begin() as connection:
            await connection.execute(TENANT, {"tenant": str(tenant_id)})
            await connection.execute(TOUCH, {"tenant": tenant_id, "used": list(used), "now": minute})
