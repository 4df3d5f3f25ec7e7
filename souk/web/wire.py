"""What the API process works with, opened together and closed together."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from souk import migrations
from souk.context import Context
from souk.db.connect import Limits, create_pool, server_settings
from souk.db.events import Hub, Relay
from souk.db.sealing import Keyring
from souk.db.session import Database
from souk.db.uses import Uses
from souk.documents.shipped import shipped
from souk.documents.store import Registered, Store
from souk.engine import counts
from souk.engine.cost import Costs
from souk.engine.pool import SETTINGS, Pool
from souk.engine.run import Runner
from souk.gateways.storage import Directory
from souk.resolvers.document import judged_by
from souk.rules.actor import Actor
from souk.schema import schema
from souk.settings import Settings
from souk.web.app import NotReady
from souk.web.attachments import Attachments
from souk.web.documents import judge_of
from souk.web.exports import Exports
from souk.web.limits import Allowances
from souk.web.live import Live
from souk.web.metrics import Gauge, Lag
from souk.web.parts import Call, Parts
from souk.web.redis import Shared
from souk.web.reports import Reports
from souk.web.sessions import Sessions
from souk.web.uploads import Uploads
from souk.web.uses import WatchedDoor
from souk.web.warm import warm

LAG = """
SELECT kind, extract(epoch FROM now() - min(due_at))::float8 FROM souk.work
WHERE due_at <= now() AND coalesce(lease_until, '-infinity') < now() GROUP BY kind
"""


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Parts]:
    """The parts of `settings.url()`. Raises RuntimeError when the login would see through row-level security."""
    url = settings.url()
    limits = Limits(
        settings.statement_timeout,
        settings.lock_timeout,
        settings.idle_in_transaction_timeout,
        settings.transaction_timeout,
    )
    keyring = Keyring(settings.key_spec())
    files = Directory(settings.files_dir)
    database = Database(
        url, keyring, limits=limits, size=settings.write_pool_size, wait=settings.pool_wait, files=files
    )
    reads = Pool(
        dsn=url,
        size=settings.read_pool_size,
        short=settings.read_share_below,
        patience=settings.pool_wait,
        settings=server_settings("souk_app", limits, **SETTINGS),
    )
    door = await create_pool(url, "souk_app", limits, size=settings.door_pool_size, more={"jit": "off"})
    runner = Runner(schema, reads, decrypt=keyring.open, witness=database.refusals.witness)
    head = migrations.head()
    relay, hub = Relay(url, "souk_app"), Hub(url, "souk_app")
    database.committed.append(relay.tell)
    live = Live(runner, hub)
    judged_by(judge_of(settings))
    counts.use(settings.counters)
    store = Store(Registered(database.engine), settings.ad_hoc, shipped(), automatic=settings.automatic_documents)
    uses = Uses(database.engine)

    shared = Shared(settings.redis_url.get_secret_value()) if settings.redis_url is not None else None

    def context(actor: Actor, call: Call) -> Context:
        caller = call.caller
        if caller.cookies and call.transport != "http":  # on other ways the head of the answer is gone
            caller = caller._replace(cookies=False)
        return Context(actor, call.request_id, caller, db=database)

    async def ready() -> None:
        try:
            revision = await door.fetchval("SELECT version_num FROM public.alembic_version", timeout=settings.pool_wait)
        except asyncpg.UndefinedTableError:
            revision = None
        if revision != head:
            raise NotReady("migrations")

    async def warmed() -> None:
        if settings.warm:
            await warm(runner, shipped().values())

    async def lag() -> dict[str, float]:
        return dict(await door.fetch(LAG, timeout=settings.pool_wait))

    def gauges() -> Iterable[Gauge]:
        sizes = {"read": reads.size, "write": settings.write_pool_size, "door": settings.door_pool_size}
        yield "souk_pool_connections_limit", "Connections there may be.", sizes
        used = {"read": reads.busy, "write": database.busy, "door": door.get_size() - door.get_idle_size()}
        yield "souk_pool_connections_busy", "Connections that work.", used
        yield "souk_pool_waiting", "Callers who wait for a connection.", {"read": reads.waiting}

    try:
        await database.check()
        sessions = Sessions(WatchedDoor(door, settings.pool_wait, uses), cache=settings.session_cache)
        hub.all.append(lambda subjects: _forget(sessions, subjects))
        database.committed.append(lambda _, touched: _forget(sessions, frozenset(touched)))  # here at once
        uses.start()
        await asyncio.gather(relay.start(), hub.start())
        yield Parts(
            runner, sessions, context, events=live, ready=ready, warm=warmed,
            uploads=Uploads(database, files, settings), reports=Reports(database),
            exports=Exports(database, files), attachments=Attachments(database, files), documents=store,
            costs=Costs(schema._schema), limits=Allowances(settings, shared), gauges=gauges, lag=Lag(lag),
        )  # fmt: skip
    finally:
        await asyncio.gather(live.close(), store.close(), relay.stop(), hub.stop(), uses.stop(), return_exceptions=True)
        await asyncio.gather(reads.close(), database.close(), _close(door), return_exceptions=True)
        if shared is not None:
            await shared.close()


def _forget(sessions: Sessions, subjects: frozenset[UUID]) -> None:
    """A session, token, membership or user that something happened to is looked up again at once."""
    if not subjects:
        sessions.forget()
    for subject in subjects:
        sessions.forget(subject)


async def _close(pool: asyncpg.Pool) -> None:
    try:
        async with asyncio.timeout(2):
            await pool.close()
    except TimeoutError:
        pool.terminate()
