"""Exports over the batch engine: items that each read a slice of a list, and a last one that writes the file of them all.

What an item read is stored with its result, in the transaction that settles it. So a worker that dies leaves nothing
behind, no row is read twice, and however often the file is written anew it is the same file.
"""

import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import delete, func, insert, select, text

from ..db.session import Transaction
from ..models import Batch, BatchItem, Export, ExportPart, new_id
from ..resolvers.export import EXPIRY, ExportKind
from ..resolvers.export.cells import Cell, cells_of
from ..resolvers.export.reading import Place, Reader, reader_of
from ..resolvers.kinds import KINDS
from ..rules.enums import BatchAction, BatchKind, ExportFormat
from ..rules.export import AT_ONCE, FILE_BYTES, KEPT_DAYS
from .actions import ACTIONS as ACTIONS
from .actions import SOURCES, Item, Result
from .tables import csv_of, xlsx_of

assert isinstance(KINDS[BatchKind.EXPORT], ExportKind)
LOST = "Whoever asked for the export may no longer read this."
PATIENT = text(
    """SELECT set_config(name, CASE name WHEN 'transaction_timeout' THEN '0' ELSE '120s' END, true) FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"""
)
"""A large file is packed and flushed for longer than a connection may else be silent in a transaction."""
ENDED = ("FAILED", "DEAD", "SKIPPED", "CANCELLED")


class Slices:
    """The slices of the list behind an export, and then its file; `batch.cursor` is the end of the last slice that was given."""

    async def more(self, tx: Transaction, batch: Batch, limit: int) -> list[Item]:
        cursor: dict[str, Any] = batch.cursor or {"n": 0, "after": None, "file": False}
        if cursor["file"]:
            return []
        reader, after = await reader_of(tx, batch, await export_of(tx, batch)), Place.of(cursor["after"])
        ends = [] if reader is None else await reader.ends(tx, after, min(limit, AT_ONCE))
        items, n = [], cursor["n"]
        for end in ends:
            n += 1
            given = {"after": after and after.kept(), "upto": end.kept()}
            items.append(Item(new_id(), n, "Export", None, BatchAction.EXPORT_ROWS, given, fresh=True))
            after = end
        done = not items  # nothing is left to read, or nobody is left to read it for
        if done:
            n += 1
            items.append(Item(new_id(), n, "Export", None, BatchAction.EXPORT_FILE, {}, fresh=True))
        batch.cursor = {**cursor, "n": n, "after": after and after.kept(), "file": done}
        return items


class ReadRows:
    """Reads slices as their creator may read them now."""

    async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
        export = await export_of(tx, batch)
        reader = await reader_of(tx, batch, export)
        if reader is None:
            return [Result("SKIPPED", error_code="FORBIDDEN", error_message=LOST) for _ in items]
        for item in items:
            upto = Place.of(item.payload["upto"])
            assert upto is not None
            rows = await reader.rows(tx, Place.of(item.payload["after"]), upto)
            part = {"export_id": export.id, "n": item.n, "row_count": len(rows), "data": packed(rows)}
            row = {"tenant_id": batch.tenant_id, "id": new_id(), "created_at": tx.now, **part}
            await tx.session.execute(insert(ExportPart.__table__), row)  # type: ignore[arg-type]
        return [Result(outcome="READ") for _ in items]


class WriteFile:
    """Writes the file of all slices; where one is still to be read, later."""

    async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
        (item,) = items
        await tx.session.execute(PATIENT)
        export = await export_of(tx, batch)
        reader = await reader_of(tx, batch, export)
        if reader is None:
            return [Result("SKIPPED", error_code="FORBIDDEN", error_message=LOST)]
        here = (ExportPart.tenant_id == batch.tenant_id, ExportPart.export_id == export.id)
        counted = select(func.count(), func.coalesce(func.sum(ExportPart.row_count), 0)).where(*here)
        parts, rows = (await tx.session.execute(counted)).one()
        if parts < item.n - 1:
            return [await _missing(tx, batch, item.n - 1 - parts)]
        await self._written(tx, batch, export, reader, item.n - 1)
        export.row_count = int(rows)
        await tx.session.execute(delete(ExportPart).where(*here))
        tx.emit("export.written", export, data={"rows": export.row_count, "bytes": export.size})
        await tx.session.flush()
        return [Result(outcome="WRITTEN")]

    async def _written(self, tx: Transaction, batch: Batch, export: Export, reader: Reader, parts: int) -> None:
        if tx.files is None:
            raise RuntimeError("This process was given no storage.")
        cells = cells_of(reader.fields)
        heading = [cell.heading for cell in cells]
        rows = _rows(tx, export, cells, parts)
        if export.format == ExportFormat.CSV:
            chunks = csv_of(heading, rows)
        else:
            chunks = xlsx_of(heading, rows, batch.created_at)
        await tx.files.discard(batch.tenant_id, export.id)  # what an attempt left that never came to its commit
        stored = await tx.files.put(batch.tenant_id, export.id, chunks, limit=FILE_BYTES)
        export.stored_as, export.size, export.sha256 = stored.name, stored.size, stored.sha256
        export.expires_at = tx.now + timedelta(days=KEPT_DAYS)
        await tx.due(EXPIRY, export.id, export.expires_at)


async def export_of(tx: Transaction, batch: Batch) -> Export:
    """What the batch writes."""
    asked = select(Export).where(Export.tenant_id == batch.tenant_id, Export.batch_id == batch.id)
    return (await tx.session.execute(asked)).scalar_one()


async def _rows(tx: Transaction, export: Export, cells: Sequence[Cell], parts: int) -> AsyncIterator[list[list[Any]]]:
    """What was read, part by part."""
    for n in range(1, parts + 1):
        asked = select(ExportPart.data).where(
            ExportPart.tenant_id == export.tenant_id, ExportPart.export_id == export.id, ExportPart.n == n
        )
        yield unpacked((await tx.session.execute(asked)).scalar_one(), cells)


async def _missing(tx: Transaction, batch: Batch, parts: int) -> Result:
    """What the file waits for, or that it waits in vain."""
    lost = select(func.count()).where(
        BatchItem.tenant_id == batch.tenant_id, BatchItem.batch_id == batch.id, BatchItem.status.in_(ENDED),
        BatchItem.action == BatchAction.EXPORT_ROWS,
    )  # fmt: skip
    ended = (await tx.session.execute(lost)).scalar_one()
    message = f"{parts} parts of the list are not read."
    return Result("FAILED", error_code="CONFLICT", error_message=message, retry=ended == 0)


def packed(rows: list[list[Any]]) -> bytes:
    return zlib.compress(orjson.dumps(rows), 1)


def unpacked(data: bytes, cells: Sequence[Cell]) -> list[list[Any]]:
    """The rows again, exact decimals as such."""
    rows: list[list[Any]] = orjson.loads(zlib.decompress(data))
    exact = [n for n, cell in enumerate(cells) if cell.number]
    for row in rows:
        for n in exact:
            if isinstance(row[n], str):
                row[n] = Decimal(row[n])
    return rows


SOURCES[BatchKind.EXPORT] = Slices()
ACTIONS[BatchAction.EXPORT_ROWS] = ReadRows()
ACTIONS[BatchAction.EXPORT_FILE] = WriteFile()
