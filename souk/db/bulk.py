"""Rows of one table that changed or came alike: one statement writes them all, where the mapper would send one for each."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import JSON, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.orm.base import NO_VALUE, instance_state
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.orm.state import InstanceState

from ..models import Row, TenantModel

LEAST = 4  # rows of a kind for which a statement of their own is worth it
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def changed(row: Any) -> dict[str, Any]:
    """The columns of a row that is in the database whose values are no longer those that were read, in a fixed order.

    Each with what was read, None for what was not. The history of the mapper says the same, at several times the cost.
    """
    state = instance_state(row)
    now, columns, found = state.dict, state.mapper.column_attrs, {}
    for name in sorted(state.committed_state):
        if name in now and name in columns:
            was = state.committed_state[name]
            if state.manager[name].impl.is_equal(now[name], was) is not True:
                found[name] = None if was is NO_VALUE else was
    return found


def write_together(session: Session, rows: Iterable[tuple[Any, Iterable[str]]]) -> None:
    """Write changed rows, each with what `changed` said of it, as far as many are alike; the mapper finds the rest to do.

    The version guards each row as it does there. Raises StaleDataError. A row that refers to another is the mapper's: it
    knows the order.
    """
    alike: dict[tuple[type[TenantModel], tuple[str, ...]], list[Any]] = defaultdict(list)
    for row, names in rows:
        if isinstance(row, TenantModel):
            alike[type(row), tuple(names)].append(row)
    for (model, names), those in alike.items():
        if len(those) >= LEAST and _plain(model, names, those):
            _write(session, model, names, those)


def _plain(model: type[TenantModel], names: Sequence[str], rows: Sequence[Any]) -> bool:
    """No reference is changed, and no JSON becomes the null of JSON, which is not that of SQL."""
    columns = [model.__table__.c[name] for name in names]
    json = [column.name for column in columns if isinstance(column.type, JSON)]
    return not any(column.foreign_keys for column in columns) and not any(
        getattr(row, name) is None for name in json for row in rows
    )


def _write(session: Session, model: type[TenantModel], names: tuple[str, ...], rows: Sequence[Any]) -> None:
    given = [
        {"id": row.id, "was": row.version} | {name: _shown(vars(row)[name]) for name in names}
        for row in sorted(rows, key=lambda row: row.id.bytes)
    ]
    values = {"tenant": rows[0].tenant_id, "rows": orjson.dumps(given, default=str).decode()}
    written = session.connection().execute(_statement(model, names), values)
    if written.rowcount != len(rows):
        raise StaleDataError(f"{len(rows)} rows of {model.__tablename__} were to be changed, {written.rowcount} were.")
    states = [instance_state(row) for row in rows]
    for state in states:
        state.dict["version"] += 1
    # as the mapper leaves rows that it has written; else it would look for something to write in each
    InstanceState._commit_all_states([(state, state.dict) for state in states], session.identity_map)


@cache
def _statement(model: type[TenantModel], names: tuple[str, ...]) -> TextClause:
    table = model.__table__
    types = "".join(f", {name} {table.c[name].type.compile(_DIALECT)}" for name in names)
    new = "".join(f"{name} = r.{name}, " for name in names)
    return text(f"""
UPDATE {model.__tablename__} AS t SET {new}version = t.version + 1
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, was integer{types})
WHERE t.tenant_id = :tenant AND t.id = r.id AND t.version = r.was
""")


async def insert_together(session: AsyncSession, model: type[Row], rows: Sequence[dict[str, Any]]) -> None:
    """New rows, each with the same columns."""
    values = {"rows": orjson.dumps([{k: _shown(v) for k, v in row.items()} for row in rows], default=str).decode()}
    await session.execute(_insertion(model, tuple(rows[0])), values)


@cache
def _insertion(model: type[Row], names: tuple[str, ...]) -> TextClause:
    table, columns = model.__table__, ", ".join(names)
    types = ", ".join(f"{name} {table.c[name].type.compile(_DIALECT)}" for name in names)
    return text(f"""
INSERT INTO {model.__tablename__} ({columns})
  SELECT {columns} FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({types})
""")


def _shown(value: Any) -> Any:
    return "\\x" + value.hex() if isinstance(value, bytes) else value
