"""Imports: the rows of an uploaded file as a stream of items, read ahead while the database works."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO
from uuid import UUID

from ..db.session import Transaction
from ..models import Batch, Upload, new_id
from ..resolvers.importing import TYPES, Import, brings
from ..resolvers.kinds import KINDS, acting
from ..rules.enums import BatchAction, BatchKind, ImportWhat
from ..rules.importing import SNAPSHOTS, Mapping, ParsedRow, Warned
from ..rules.importing.walking import mapping_of, walk
from .actions import ACTIONS as ACTIONS
from .actions import SOURCES, Item, Result
from .brought import refused
from .goods import import_policies, import_skus
from .listings import as_listing, import_listings
from .observations import import_observations
from .snapshots import import_snapshots

assert isinstance(KINDS[BatchKind.IMPORT], Import)
AHEAD = 200  # rows read while the former ones are being stored
OPEN = 8  # files that a worker keeps open
Prepared = tuple[int, dict[str, Any]]
"""A row's number in its file, and what an item of it must know."""


class Reading:
    """A file with a place in it. It can step back as far as it was read ahead, and no further."""

    def __init__(
        self, file: BinaryIO, rows: Iterator[ParsedRow], at: int, made_ready: Callable[[ParsedRow], dict[str, Any]]
    ) -> None:
        self.file, self.rows, self.made_ready = file, rows, made_ready
        self.ready: deque[Prepared] = deque()
        self.given: deque[Prepared] = deque(maxlen=2 * AHEAD)
        self.at = at
        self._ahead: asyncio.Future[list[Prepared]] | None = None

    async def take(self, limit: int) -> list[Prepared]:
        """The next rows, at most `limit`."""
        while len(self.ready) < limit:
            more = await self._more(max(limit - len(self.ready), AHEAD))
            self.ready.extend(more)
            if not more:
                break
        rows = [self.ready.popleft() for _ in range(min(limit, len(self.ready)))]
        self.given.extend(rows)
        self.at += len(rows)
        return rows

    def ahead(self) -> None:
        """Read on in a thread, for the next `take`."""
        if len(self.ready) < AHEAD and self._ahead is None:
            self._ahead = self._start(AHEAD)

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

    async def _more(self, number: int) -> list[Prepared]:
        ahead, self._ahead = self._ahead or self._start(number), None
        return await ahead

    def _start(self, number: int) -> asyncio.Future[list[Prepared]]:
        loop = asyncio.get_running_loop()
        ready = self.made_ready
        return loop.run_in_executor(None, lambda: [(row.number, ready(row)) for row in islice(self.rows, number)])


class Rows:
    """The rows of a batch's upload; `batch.cursor` counts those that became items."""

    def __init__(self) -> None:
        self.readings: OrderedDict[UUID, Reading] = OrderedDict()

    async def more(self, tx: Transaction, batch: Batch, limit: int) -> list[Item]:
        at = int((batch.cursor or {}).get("at", 0))
        reading = self.readings.get(batch.id)
        if reading is None or not reading.back_to(at):
            self.forget(batch.id)
            try:
                reading = self.readings[batch.id] = await self._open(tx, batch, at)
            except FileNotFoundError:
                return _lost(batch, at, limit)
            while len(self.readings) > OPEN:
                self.forget(next(iter(self.readings)))
        self.readings.move_to_end(batch.id)
        rows = await reading.take(limit)
        batch.cursor = {"at": at + len(rows)}
        if not rows:
            self.forget(batch.id)
        return [
            Item(new_id(), number, _type(batch), None, BatchAction.IMPORT_ROW, payload, fresh=True)
            for number, payload in rows
        ]

    def ahead(self, batch_id: UUID) -> None:
        """The next chunk may be read while the database stores this one."""
        if batch_id in self.readings:
            self.readings[batch_id].ahead()

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
        return Reading(file, rows, at, listed if isinstance(mapping, Mapping) else payload_of)


def _type(batch: Batch) -> str:
    return "CompetitorSnapshot" if batch.plan["source"] == SNAPSHOTS else TYPES[_what(batch)]


def _what(batch: Batch) -> ImportWhat:
    return ImportWhat[batch.plan.get("what") or ImportWhat.LISTINGS]


def _lost(batch: Batch, at: int, limit: int) -> list[Item]:
    """Of a file that is no longer kept: the rows that the preview counted, each to fail. No further look would find it."""
    number = min(limit, max(0, batch.total - at))
    batch.cursor = {"at": at + number}
    return [
        Item(new_id(), at + n + 1, _type(batch), None, BatchAction.IMPORT_ROW, {"lost": True}, fresh=True)
        for n in range(number)
    ]


def payload_of(row: ParsedRow) -> dict[str, Any]:
    """What an item must know to be tried, now or again."""
    return {
        "key": row.key.hex(),
        "dealer": row.dealer,
        "values": row.values,
        "warnings": [plain(warned) for warned in row.warnings] if row.warnings else [],
        "refusal": plain(row.refusal) if row.refusal else None,
    }


def listed(row: ParsedRow) -> dict[str, Any]:
    """The same of a row that becomes a listing."""
    return as_listing(payload_of(row))


def plain(lost: Warned) -> dict[str, str]:
    return {"column": lost.column, "value": lost.value, "reason": lost.reason}


class ImportRow:
    """Rows of a file become rows of tables, a chunk by a handful of statements."""

    async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
        done: dict[int, Result] = {}
        good: list[Item] = []
        for place, item in enumerate(items):
            if "lost" in item.payload:
                done[place] = Result("FAILED", error_code="NOT_FOUND", error_message="The file is no longer kept.")
            elif item.payload["refusal"] is not None:
                done[place] = refused(item, **item.payload["refusal"])
            else:
                good.append(item)
        brought: Iterator[Result] = iter(())
        if good and not any(brings(actor, batch.plan) for actor in await acting(tx, batch)):
            lost = "Whoever started the batch may no longer do this."
            brought = iter([Result("SKIPPED", error_code="FORBIDDEN", error_message=lost) for _ in good])
        elif good and batch.plan["source"] == SNAPSHOTS:
            brought = iter(await import_snapshots(tx, batch, good))
        elif good:
            brought = iter(await BRINGS[_what(batch)](tx, batch, good, lambda: ROWS.ahead(batch.id)))
        results = [done[place] if place in done else next(brought) for place in range(len(items))]
        for item in items:
            item.payload = {}  # it is never tried again: what it became stands in the tables, what it lost in the result
        return results


BRINGS = {
    ImportWhat.LISTINGS: import_listings,
    ImportWhat.SKUS: import_skus,
    ImportWhat.PRICE_POLICIES: import_policies,
    ImportWhat.PRICE_OBSERVATIONS: import_observations,
    ImportWhat.SALES: import_observations,
}
ROWS = SOURCES[BatchKind.IMPORT] = Rows()
ACTIONS[BatchAction.IMPORT_ROW] = ImportRow()
