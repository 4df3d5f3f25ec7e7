"""What is put into `souk.work` has somebody who answers it."""

import asyncio
import importlib
import pkgutil
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import souk.resolvers
from souk.db.session import Database
from souk.gateways import storage
from souk.gateways.storage import Directory
from souk.resolvers.batch import RUN
from souk.worker import bringing
from souk.worker.bringing import begin, to_the_end, upload_file
from souk.worker.due import TIMERS
from souk.worker.letters import SEND
from souk.worker.loop import Worker
from souk.worker.queue import Queue
from tests.web.test_uploads import MAPPING
from tests.world import KEYRING, World


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


DUE = re.compile(r'tx\.due\(\s*("[a-z._]+"|[A-Z]+)')


def kinds_put() -> set[str]:
    found = set()
    for module in pkgutil.walk_packages(souk.resolvers.__path__, "souk.resolvers."):
        loaded = importlib.import_module(module.name)
        for word in DUE.findall(Path(str(loaded.__file__)).read_text()):
            found.add(word.strip('"') if word.startswith('"') else getattr(loaded, word))
    return found


def test_every_kind_of_work_has_its_timer() -> None:
    put = kinds_put()
    assert {"offer.expiry", "lead.expiry", "listing.expiry", "alert.cure"} <= put
    assert put - {RUN, SEND} == {kind for kind in TIMERS if not kind.startswith("test.")}


async def test_the_content_of_an_upload_goes_when_its_time_has_come(
    world: World, database: str, tmp_path: Path
) -> None:
    files, app = Directory(tmp_path / "files"), world.souk.app
    worker_db = Database(database, KEYRING, "souk_worker", files=files)
    (tmp_path / "rows.csv").write_bytes(b"id,name,price\n1,Honda CB,50000\n")
    upload = await upload_file(app, files, world.tenant_id, tmp_path / "rows.csv", now=world.now, limit=100, days=30)
    kept = tmp_path / "files" / upload.stored_as
    app_with_files = Database(database, KEYRING, files=files)
    batch = await begin(
        app_with_files, world.tenant_id, upload, MAPPING, now=world.now, dealer_id=world.dealer
    )  # it is not at rest: its file stays

    async def work(now: datetime) -> list[tuple[datetime]]:
        """One look of a worker at this tenant's uploads; when it comes again."""
        held = await Queue(worker_db, ["upload.expiry"], timedelta(seconds=60)).claim(1_000, now)
        await asyncio.gather(*(loop_of(worker_db, now)._serve(one) for one in held))
        asked = "SELECT due_at FROM souk.work WHERE kind = 'upload.expiry' AND tenant_id = :t"
        return [tuple(row) for row in await world.rows(asked, t=world.tenant_id)]

    ends = world.now + timedelta(days=30, hours=1)  # a preview of the last moment may still become a batch
    assert await work(ends - timedelta(seconds=1)) == [(ends,)]
    assert await work(ends) == [(ends + timedelta(days=1),)]
    assert kept.exists()
    await to_the_end(worker_db, world.tenant_id, batch, now=world.now)
    assert kept.exists()
    assert await work(ends + timedelta(days=1)) == []
    assert not kept.exists()
    assert await world.rows("SELECT id FROM upload") == [(upload.id,)]
    assert await world.rows("SELECT type FROM domain_event WHERE subject_id = :id ORDER BY seq", id=upload.id) == [
        ("upload.created",), ("upload.expired",)
    ]  # fmt: skip
    for each in (worker_db, app_with_files):
        await each.close()


@pytest.mark.parametrize("when", ["half", "whole"])
async def test_what_a_process_that_died_left_of_a_file_goes(
    world: World, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """It ended while the file came in, or between that and the commit."""
    files = Directory(tmp_path / "files")
    worker_db = Database(database, KEYRING, "souk_worker", files=files)
    (tmp_path / "rows.csv").write_bytes(b"id,name,price\n1,Honda CB,50000\n")

    class Died(BaseException):
        """No code of ours runs after it."""

    def dies(*_: object, **__: object) -> None:
        raise Died

    if when == "half":
        monkeypatch.setattr(storage, "_flush", dies)
        monkeypatch.setattr(Path, "unlink", dies)
    else:
        monkeypatch.setattr(bringing, "upload_add", dies)
    with pytest.raises(Died):
        await upload_file(world.souk.app, files, world.tenant_id, tmp_path / "rows.csv", now=world.now, limit=100)
    monkeypatch.undo()
    (left,) = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert (left.suffix == ".part") is (when == "half")
    queue = Queue(worker_db, ["upload.expiry"], timedelta(seconds=60))
    due = "SELECT ref FROM souk.work WHERE kind = 'upload.expiry' AND tenant_id = :t"
    for later, there in ((timedelta(hours=23), True), (timedelta(days=1), False)):
        now = world.now + later
        held = [one for one in await queue.claim(1_000, now) if one.tenant_id == world.tenant_id]
        await asyncio.gather(*(loop_of(worker_db, now)._serve(one) for one in held))
        assert left.exists() is there
        assert len(await world.rows(due, t=world.tenant_id)) == there
    assert await world.rows("SELECT id FROM upload") == []
    await worker_db.close()


def loop_of(db: Database, now: datetime) -> Worker:
    return Worker(db, clock=lambda: now)
