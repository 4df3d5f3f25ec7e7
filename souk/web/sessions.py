"""Who is asking: from a bearer token, or from the host name, to the actor of the operation.

A token is looked up through the door's two functions, which see its SHA-256 only. An answer is kept at most
`session_cache` seconds per process and dropped at once when a `session.*` event names it.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic
from typing import NamedTuple, Protocol
from uuid import UUID

import asyncpg

from souk.rules.actor import Actor, Role
from souk.web.errors import Code, Failure, unauthenticated

KEPT = 20_000
MAX_TOKEN = 512
SERVICE = "svc_"
INVALID = "The token is not valid, or no longer valid."


class Credential(NamedTuple):
    """What a caller shows: a token, or none and the place it calls; `tenant` is a slug, on development servers only."""

    token: str | None
    host: str
    tenant: str | None = None
    forget: bytes = b""
    """Of a cookie: the Set-Cookie that takes it back, sent when it is no longer valid."""

    @property
    def cookie(self) -> bool:
        """Whether the token came as a browser's cookie."""
        return bool(self.forget)


@dataclass(frozen=True, slots=True)
class Found:
    """An actor and when it ends being one (UTC; None: not by itself)."""

    actor: Actor
    expires_at: datetime | None


class Door(Protocol):
    """The lookups that happen before the tenant is known. None: there is no such thing, or it is no longer valid."""

    async def token(self, digest: bytes, *, service: bool) -> Found | None: ...

    async def tenant(self, *, host: str | None = None, slug: str | None = None) -> UUID | None: ...


class DatabaseDoor:
    """The door in PostgreSQL: functions that see over the wall, and return one row each."""

    def __init__(self, pool: asyncpg.Pool, wait: float) -> None:
        self.pool, self.wait = pool, wait

    async def token(self, digest: bytes, *, service: bool) -> Found | None:
        function = "token_by_hash" if service else "session_by_hash"
        row = await self._ask(f"SELECT * FROM souk.{function}($1)", digest)
        if row is None or row["tenant_id"] is None:
            return None
        known = dict(row)
        if known.get("use_is_old"):
            await self._ask("SELECT souk.session_seen($1)", digest)
        actor = Actor(
            tenant_id=known["tenant_id"],
            role=Role(known["role"]),
            user_id=known.get("user_id"),
            dealer_id=known.get("dealer_id"),
            membership_id=known.get("membership_id"),
            session_id=known.get("session_id"),
            token_id=known.get("token_id"),
            team_ids=tuple(known.get("team_ids") or ()),
            all_teams=bool(known.get("all_teams")),
            scopes=frozenset(known.get("scopes") or ()),
            account_id=known.get("account_id"),
            mfa_at=known.get("mfa_at"),
            impersonator_id=known.get("impersonator_id"),
        )
        return Found(actor, known.get("expires_at"))

    async def tenant(self, *, host: str | None = None, slug: str | None = None) -> UUID | None:
        if slug is not None:
            row = await self._ask("SELECT souk.tenant_by_slug($1)", slug)
        else:
            row = await self._ask("SELECT souk.tenant_by_host($1)", host)
        return row[0] if row is not None else None

    async def _ask(self, statement: str, value: object) -> asyncpg.Record | None:
        try:
            connection = await self.pool.acquire(timeout=self.wait)
        except TimeoutError:
            raise Failure(Code.OVERLOADED, "Too much is going on at the moment.", retry_after_ms=1000) from None
        try:
            row: asyncpg.Record | None = await connection.fetchrow(statement, value)
            return row
        finally:
            await self.pool.release(connection)


class Sessions:
    """Actors by credential, cached. One for a process."""

    def __init__(self, door: Door, *, cache: float = 1.0, now: Callable[[], datetime] | None = None) -> None:
        self.door, self.cache = door, cache
        self.now = now or (lambda: datetime.now(UTC))
        self._kept: OrderedDict[tuple[str, bytes | str], tuple[float, Found | UUID | None]] = OrderedDict()
        self._of: dict[UUID, set[tuple[str, bytes | str]]] = {}  # what is kept of a session, token, membership, user
        self._asked: dict[tuple[str, bytes | str], asyncio.Task[Found | UUID | None]] = {}

    async def actor(self, credential: Credential) -> Actor:
        """The one who shows `credential`. Raises Failure (UNAUTHENTICATED, OVERLOADED) and the database's errors."""
        if (known := self.at_hand(credential)) is not None:
            return known
        if credential.token is not None:
            try:
                return await self._by_token(credential.token)
            except Failure as failure:
                if credential.forget and failure.code is Code.UNAUTHENTICATED:
                    failure.headers += ((b"set-cookie", credential.forget),)
                raise
        if credential.tenant is not None:
            slug = credential.tenant
            tenant = await self._look(("slug", slug), lambda: self.door.tenant(slug=slug))
        else:
            tenant = await self._look(("host", credential.host), lambda: self.door.tenant(host=credential.host))
        if not isinstance(tenant, UUID):
            raise unauthenticated("Sign in, or call a host name that belongs to a tenant.")
        return Actor(tenant, Role.PUBLIC)

    def at_hand(self, credential: Credential) -> Actor | None:
        """The same, where nobody needs to be asked; None: `actor` has to look, or to refuse."""
        token = credential.token
        key: tuple[str, bytes | str] | None
        if token is not None:
            key = _key(token)
        else:
            key = ("host", credential.host) if credential.tenant is None else ("slug", credential.tenant)
        kept = self._kept.get(key) if key is not None else None
        if kept is None or kept[0] <= monotonic():
            return None
        found = kept[1]
        if isinstance(found, Found):
            return found.actor if found.expires_at is None or found.expires_at > self.now() else None
        return Actor(found, Role.PUBLIC) if token is None and found is not None else None

    async def _by_token(self, token: str) -> Actor:
        key = _key(token)
        if key is None:
            raise unauthenticated(INVALID)
        found = await self._look(key, lambda: self.door.token(key[1], service=token.startswith(SERVICE)))
        if not isinstance(found, Found) or (found.expires_at is not None and found.expires_at <= self.now()):
            raise unauthenticated(INVALID)
        return found.actor

    def forget(self, subject: UUID | None = None) -> None:
        """Drop what is known of a session, token, membership or user; without one, of all."""
        for key in list(self._kept if subject is None else self._of.get(subject, ())):
            self._drop(key)
        self._asked.clear()  # a lookup that began before the event must not be kept after it

    def _keep(self, key: tuple[str, bytes | str], until: float, found: Found | UUID | None) -> None:
        self._drop(key)
        now = monotonic()
        while self._kept and next(iter(self._kept.values()))[0] <= now:  # the oldest ends first, all are kept as long
            self._drop(next(iter(self._kept)))
        self._kept[key] = (until, found)
        for subject in _subjects(found):
            self._of.setdefault(subject, set()).add(key)
        if len(self._kept) > KEPT:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, bytes | str]) -> None:
        if (kept := self._kept.pop(key, None)) is None:
            return
        for subject in _subjects(kept[1]):
            self._of[subject].discard(key)
            if not self._of[subject]:
                del self._of[subject]

    async def _look(
        self, key: tuple[str, bytes | str], ask: Callable[[], Awaitable[Found | UUID | None]]
    ) -> Found | UUID | None:
        kept = self._kept.get(key)
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.ensure_future(self._fetch(key, ask))
        return await asyncio.shield(task)  # one caller that leaves must not take the others' answer along

    async def _fetch(
        self, key: tuple[str, bytes | str], ask: Callable[[], Awaitable[Found | UUID | None]]
    ) -> Found | UUID | None:
        began, me = monotonic(), asyncio.current_task()
        try:
            found = await ask()
            if self._asked.get(key) is me:
                self._keep(key, began + self.cache, found)
            return found
        finally:
            if self._asked.get(key) is me:
                del self._asked[key]


@lru_cache(maxsize=2_000)
def _key(token: str) -> tuple[str, bytes] | None:
    """What a token is kept by; None for a text that none of ours is."""
    if not 16 <= len(token) <= MAX_TOKEN or not token.isascii():
        return None
    return "token", hashlib.sha256(token.encode()).digest()


def _subjects(found: Found | UUID | None) -> set[UUID]:
    if not isinstance(found, Found):
        return set()
    actor = found.actor
    return {each for each in (actor.session_id, actor.token_id, actor.membership_id, actor.user_id) if each is not None}


def bearer(value: str) -> str:
    """The token of `Bearer …`. Raises Failure (UNAUTHENTICATED)."""
    scheme, _, token = value.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthenticated("The header authorization must be: Bearer TOKEN.")
    return token.strip()
