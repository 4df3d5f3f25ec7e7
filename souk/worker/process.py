"""A worker process: the loop over a database, woken by what others commit, and telling them what it committed."""

import asyncio
import gc
import signal

from sqlalchemy.orm import configure_mappers

from ..db.connect import Limits
from ..db.events import Hub, Relay
from ..db.sealing import Keyring
from ..db.session import Database
from ..gateways.letters import Gateway
from ..gateways.mail import SmtpMail
from ..gateways.sms import HttpSms
from ..gateways.storage import Directory
from ..rules.enums import LetterChannel
from ..settings import Settings
from . import due, enforcement, exporting, importing
from .actions import ACTIONS
from .letters import Post
from .loop import Worker

GARBAGE = (20_000, 20, 20)
"""When garbage is looked for: a chunk makes ten thousands of objects that end with it, and few that need looking for."""
__all__ = ["ACTIONS", "due", "enforcement", "exporting", "importing", "work"]


async def work(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then finish what is under way and give the leases back."""
    configure_mappers()  # else the first batch waits for it
    gc.set_threshold(*GARBAGE)
    url = settings.url()
    limits = Limits(
        settings.worker_statement_timeout, settings.lock_timeout, settings.idle_in_transaction_timeout,
        settings.worker_transaction_timeout,
    )  # fmt: skip
    size = settings.worker_pool_size
    db = Database(
        url, Keyring(settings.key_spec()), "souk_worker", limits, size=size, wait=settings.worker_statement_timeout,
        files=Directory(settings.files_dir),
    )  # fmt: skip
    sms = _sms(settings)
    gateways: dict[LetterChannel, Gateway] = {}
    if settings.mail_url is not None:
        gateways[LetterChannel.EMAIL] = SmtpMail(settings.mail_url.get_secret_value(), settings.mail_from)
    if sms is not None:
        gateways[LetterChannel.SMS] = sms
    worker = Worker(
        db, lease=settings.lease, heartbeat=settings.heartbeat, poll=settings.poll, post=Post(gateways, tell=settings.development),
        slots=max(1, size - 2),  # one connection is for the second chunk of a batch, one for leases
    )  # fmt: skip
    relay, hub = Relay(url, "souk_worker"), Hub(url, "souk_worker")
    db.committed.append(relay.tell)
    hub.all.append(lambda _: worker.wake())
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, worker.stop)
    try:
        await db.check()
        await relay.start()
        await hub.start()
        await worker.run()
    finally:
        await asyncio.gather(relay.stop(), hub.stop(), return_exceptions=True)
        if sms is not None:
            await sms.close()
        await db.close()


def _sms(settings: Settings) -> HttpSms | None:
    if settings.sms_url is None:
        return None
    return HttpSms(settings.sms_url, settings.sms_token.get_secret_value() if settings.sms_token else None)
