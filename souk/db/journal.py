"""What a transaction leaves behind: dense events per subject, and one audit event in the tenant's hash chain."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ..models import Row, new_id, new_key
from ..rules.actor import Actor

GENESIS = hashlib.sha256(b"souk audit").digest()
UNWATCHED = {"updated_at", "version", "created_at", "tenant_id", "id"}


class Happened(NamedTuple):
    """One event of the catalogue, on its way to the table."""

    type: str
    subject_type: str
    subject_id: UUID
    from_status: str | None = None
    to_status: str | None = None
    reason: str | None = None
    internal: bool = False
    data: dict[str, Any] = {}


@dataclass
class Change:
    """What a transaction did to one row: column → [before, after]; personal values as hashes."""

    type: str
    columns: dict[str, list[Any]] = field(default_factory=dict)


def note(
    session: Session,
    dirty: Iterable[tuple[Any, Mapping[str, Any]]],
    changes: dict[UUID, Change],
    pseudonym: Callable[[str], bytes],
) -> None:
    """Remember what a flush is about to write; `dirty` are rows with what stood in the columns that changed.

    `pseudonym` is the keyed hash that stands for a marked value.
    """
    for row in session.new:
        if isinstance(row, Row):
            _note(row, inspect(row).mapper.column_attrs.keys(), changes, pseudonym, new=True)
    for row, were in dirty:
        if isinstance(row, Row):
            _note(row, were, changes, pseudonym, were=were)
    for row in session.deleted:
        if isinstance(row, Row):
            _note(row, inspect(row).mapper.column_attrs.keys(), changes, pseudonym, deleted=True)


def _note(
    row: Row,
    names: Iterable[str],
    changes: dict[UUID, Change],
    pseudonym: Callable[[str], bytes],
    *,
    new: bool = False,
    deleted: bool = False,
    were: Mapping[str, Any] = {},
) -> None:
    table, columns, held = type(row).__table__, {}, vars(row)
    for name in names:
        if name in UNWATCHED:
            continue
        hidden = pseudonym if table.c[name].info else None
        if deleted:
            columns[name] = [_shown(getattr(row, name), hidden), None]
            continue
        if new:  # it has no history: what is set is what comes
            if held.get(name) is not None:
                columns[name] = [None, _shown(held[name], hidden)]
            continue
        if were[name] is not None or held[name] is not None:
            columns[name] = [_shown(were[name], hidden), _shown(held[name], hidden)]
    if columns:
        kept = changes.get(row.id)
        if kept is None:
            changes[row.id] = Change(type(row).__name__, columns)
            return
        for name, (before, after) in columns.items():
            kept.columns[name] = [kept.columns[name][0] if name in kept.columns else before, after]


def note_made(
    model: type[Row], row: dict[str, Any], changes: dict[UUID, Change], pseudonym: Callable[[str], bytes]
) -> None:
    """The same of a new row that no mapper knows: its columns as they are stored."""
    table = model.__table__
    shown = {
        name: [None, _shown(value, pseudonym if table.c[name].info else None)]
        for name, value in row.items()
        if value is not None and name not in UNWATCHED
    }
    changes[row["id"]] = Change(model.__name__, shown)


def _shown(value: Any, hidden: Callable[[str], bytes] | None) -> Any:
    if value is None or (isinstance(value, int) and not hidden):
        return value
    if isinstance(value, bytes):
        return "sha256:" + hashlib.sha256(value).hexdigest()
    if isinstance(value, date):
        value = value.isoformat()
    elif isinstance(value, (dict, list)):
        value = json.loads(json.dumps(value, default=str), parse_float=str, parse_int=_whole)
    elif not isinstance(value, str):
        value = str(value)
    if hidden:
        return "hmac:" + hidden(json.dumps(value, sort_keys=True)).hex()
    return value


def _whole(text: str) -> int | str:
    """A number comes back from the database as it was hashed only while it is whole and not too large."""
    return int(text) if len(text) < 16 else text


# `seq` is taken from each subject's stream under its row lock, subjects in the order of their ids.
EVENTS = text("""
WITH r AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY subject_id ORDER BY n) AS nth FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS t(n integer, id uuid, subject_type text, subject_id uuid, type text, internal boolean, from_status text,
         to_status text, reason text, data jsonb)
), stream AS (
  INSERT INTO event_stream (tenant_id, id, seq, created_at)
    SELECT :tenant, subject_id, count(*), :now FROM r GROUP BY subject_id ORDER BY subject_id
    ON CONFLICT (tenant_id, id) DO UPDATE SET seq = event_stream.seq + excluded.seq
    RETURNING id, seq
)
INSERT INTO domain_event (tenant_id, id, created_at, at, subject_type, subject_id, seq, type, actor_id, internal,
                          from_status, to_status, reason, data)
  SELECT :tenant, r.id, :now, :now, subject_type, subject_id,
         stream.seq - count(*) OVER (PARTITION BY subject_id) + nth, type, :actor, internal, from_status, to_status,
         reason, data
  FROM r JOIN stream ON stream.id = r.subject_id
""")


async def write_events(session: AsyncSession, actor: Actor, events: Sequence[Happened], now: datetime) -> None:
    """Append events, dense per subject, in the order in which they happened."""
    rows = [dict(zip(Happened._fields, happened, strict=True), id=new_key(), n=n) for n, happened in enumerate(events)]
    # as one value: an array of each column costs a look at every element, five times over
    values = {"tenant": actor.tenant_id, "now": now, "actor": actor.user_id, "rows": _json(rows).decode()}
    await session.execute(EVENTS, values)


def _json(value: Any) -> bytes:
    """Canonical: sorted keys, no spaces, ids and times as text."""
    return orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)


# The head is the last lock of the transaction, and moves on in the statement that takes it: the hash of the event before is
# kept there because a statement that had to wait for the lock does not see the event that it waited for.
AUDIT = text("""
WITH head AS (
  INSERT INTO audit_head (tenant_id, seq, prev_hash, hash)
    VALUES (:tenant, 1, :genesis, sha256(CAST(:genesis AS bytea) || int8send(1) || :body))
    ON CONFLICT (tenant_id) DO UPDATE SET seq = audit_head.seq + 1, prev_hash = audit_head.hash,
      hash = sha256(audit_head.hash || int8send(audit_head.seq + 1) || :body)
    RETURNING seq, prev_hash, hash
)
INSERT INTO audit_event (tenant_id, id, created_at, seq, op, actor_id, acting_role, session_id, token_id, subject_type,
                         subject_id, dealer_id, changes, request_id, prev_hash, hash)
  SELECT :tenant, :id, :now, seq, :op, :actor, :role, :session, :token, :subject_type, :subject, :dealer,
         CAST(:changes AS jsonb), :request, prev_hash, hash
  FROM head
""")


async def write_audit(
    session: AsyncSession,
    actor: Actor,
    op: str,
    subject: Happened,
    changes: dict[UUID, Change],
    now: datetime,
    request_id: str | None,
    system: bool = False,
) -> UUID:
    """Append one audit event and give its id."""
    id_ = new_id()
    shown = _json({f"{change.type}:{changed}": change.columns for changed, change in changes.items()})
    row = {
        "tenant": actor.tenant_id,
        "id": id_,
        "now": now,
        "op": op,
        "actor": actor.user_id,
        "role": "SYSTEM" if system else actor.role.value,
        "session": actor.session_id,
        "token": actor.token_id,
        "subject_type": subject.subject_type,
        "subject": subject.subject_id,
        "dealer": actor.dealer_id,
        "changes": shown.decode(),
        "request": request_id,
    }
    body = audit_body(row | {"changes": orjson.Fragment(shown)})
    await session.execute(AUDIT, {**row, "genesis": GENESIS, "body": body})
    return id_


BODY = [
    "tenant",
    "id",
    "now",
    "op",
    "actor",
    "role",
    "session",
    "token",
    "subject_type",
    "subject",
    "dealer",
    "changes",
    "request",
]


def audit_body(row: dict[str, Any]) -> bytes:
    """The canonical bytes that are hashed: JSON with sorted keys, ids and times as text."""
    plain = {name: row[name] for name in BODY}
    plain["now"] = row["now"].astimezone(UTC).isoformat()
    return _json(plain)
