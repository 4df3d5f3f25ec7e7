"""Imports: the rows of an uploaded file as a stream of items, read ahead while the database works."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO
from uuid import UUID

from ..db.session import Transaction
from ..models import Batch, Upload, new_id
from ..resolvers.importing import Import
from ..resolvers.kinds import KINDS
from ..rules.enums import BatchAction, BatchKind
from ..rules.importing import SNAPSHOTS, ParsedRow
from ..rules.importing.walking import mapping_of, walk
from .actions import ACTIONS as ACTIONS
from .actions import SOURCES, Item, Result
from .brought import refused
from .listings import import_listings
from .snapshots import import_snapshots

assert isinstance(KINDS[BatchKind.IMPORT], Import)
AHEAD = 200  # rows read while the former ones are being stored
OPEN = 8  # files that a worker keeps open


class Reading:
    """A file with a place in it. It can step back as far as it was read ahead, and no further."""

    def __init__(self, file: BinaryIO, rows: Iterator[ParsedRow], at: int) -> None:
        self.file, self.rows = file, rows
        self.ready: deque[ParsedRow] = deque()
        self.given: deque[ParsedRow] = deque(maxlen=2 * AHEAD)
        self.at = at
        self._ahead: asyncio.Future[list[ParsedRow]] | None = None

    async def take(self, limit: int) -> list[ParsedRow]:
        """The next rows, at most `limit`."""
        while len(self.ready) < limit:
            more = await self._more(max(limit - len(self.ready), AHEAD))
            self.ready.extend(more)
            if not more:
                break
        rows = [self.ready.popleft() for _ in range(min(limit, len(self.ready)))]
        self.given.extend(rows)
        self.at += len(rows)
        if len(self.ready) < AHEAD and rows:
            self._ahead = self._ahead or self._start(AHEAD)
        return rows

    def back_to(self, at: int) -> bool:
        """Stand after row `at` again. False when that is too far away."""
        if not 0 <= self.at - at <= len(self.given):
            return False
        while self.at > at:
            self.ready.appendleft(self.given.pop())
            self.at -= 1
        return True

    def close(self) -> None:
        if self._ahead is not None:
            self._ahead.add_done_callback(lambda _: self.file.close())
        else:
            self.file.close()

    async def _more(self, number: int) -> list[ParsedRow]:
        ahead, self._ahead = self._ahead or self._start(number), None
        return await ahead

    def _start(self, number: int) -> asyncio.Future[list[ParsedRow]]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(None, lambda: list(islice(self.rows, number)))


class Rows:
    """The rows of a batch's upload; `batch.cursor` counts those that became items."""

    def __init__(self) -> None:
        self.readings: OrderedDict[UUID, Reading] = OrderedDict()

    async def more(self, tx: Transaction, batch: Batch, limit: int) -> list[Item]:
        at = int((batch.cursor or {}).get("at", 0))
        reading = self.readings.get(batch.id)
        if reading is None or not reading.back_to(at):
            self.forget(batch.id)
            reading = self.readings[batch.id] = await self._open(tx, batch, at)
            while len(self.readings) > OPEN:
                self.forget(next(iter(self.readings)))
        self.readings.move_to_end(batch.id)
        rows = await reading.take(limit)
        batch.cursor = {"at": at + len(rows)}
        if not rows:
            self.forget(batch.id)
        type_ = "CompetitorSnapshot" if batch.plan["source"] == SNAPSHOTS else "Listing"
        return [
            Item(new_id(), row.number, type_, None, BatchAction.IMPORT_ROW, payload_of(row), fresh=True) for row in rows
        ]

    def forget(self, batch_id: UUID) -> None:
        reading = self.readings.pop(batch_id, None)
        if reading is not None:
            reading.close()

    @staticmethod
    async def _open(tx: Transaction, batch: Batch, at: int) -> Reading:
        upload = await tx.session.get_one(Upload, (batch.tenant_id, batch.upload_id))
        mapping, year = mapping_of(batch.plan["mapping"]), int(batch.plan["year"])
        if tx.files is None:
            raise RuntimeError("This process was given no storage.")
        file = tx.files.open(upload.stored_as)
        try:
            rows = await asyncio.to_thread(walk, file, mapping, this_year=year, after=at)
        except BaseException:
            file.close()
            raise
        return Reading(file, rows, at)


def payload_of(row: ParsedRow) -> dict[str, Any]:
    """What an item must know to be tried, now or again."""
    return {
        "key": row.key.hex(),
        "dealer": row.dealer,
        "values": row.values,
        "warnings": [warned._asdict() for warned in row.warnings],
        "refusal": row.refusal._asdict() if row.refusal else None,
    }


class ImportRow:
    """Rows of a file become rows of tables, a chunk by a handful of statements."""

    async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
        done: dict[int, Result] = {}
        good: list[Item] = []
        for place, item in enumerate(items):
            if item.payload["refusal"] is not None:
                done[place] = refused(item, **item.payload["refusal"])
            else:
                good.append(item)
        bring = import_snapshots if batch.plan["source"] == SNAPSHOTS else import_listings
        brought = iter(await bring(tx, batch, good) if good else ())
        await tx.session.flush()
        results = [done[place] if place in done else next(brought) for place in range(len(items))]
        for item in items:
            item.payload = {}  # it is never tried again: what it became stands in the tables, what it lost in the result
        return results


SOURCES[BatchKind.IMPORT] = Rows()
ACTIONS[BatchAction.IMPORT_ROW] = ImportRow()
