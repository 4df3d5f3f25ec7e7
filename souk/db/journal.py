"""What a transaction leaves behind: dense events per subject, and one audit event in the tenant's hash chain."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ..models import Row, new_id
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


def note(session: Session, changes: dict[UUID, Change], pseudonym: Callable[[str], bytes]) -> None:
    """Remember what a flush is about to write; `pseudonym` is the keyed hash that stands for a marked value."""
    for row in (*session.new, *session.dirty, *session.deleted):
        if not isinstance(row, Row) or not hasattr(row, "id"):
            continue
        state, columns = inspect(row), {}
        deleted = row in session.deleted
        for column in state.mapper.columns:
            if column.key in UNWATCHED:
                continue
            history = state.attrs[column.key].history
            hidden = pseudonym if column.info else None
            if deleted:
                columns[column.key] = [_shown(getattr(row, column.key), hidden), None]
            elif history.has_changes():
                before = history.deleted[0] if history.deleted else None
                after = history.added[0] if history.added else None
                if before != after:
                    columns[column.key] = [_shown(before, hidden), _shown(after, hidden)]
        if columns:
            kept = changes.setdefault(row.id, Change(type(row).__name__))
            for name, (before, after) in columns.items():
                kept.columns[name] = [kept.columns[name][0] if name in kept.columns else before, after]


def _shown(value: Any, hidden: Callable[[str], bytes] | None) -> Any:
    if value is None or (isinstance(value, bool | int) and not hidden):
        return value
    if isinstance(value, bytes):
        return "sha256:" + hashlib.sha256(value).hexdigest()
    if isinstance(value, datetime | date):
        value = value.isoformat()
    if isinstance(value, dict | list):
        value = json.loads(json.dumps(value, default=str))
    elif not isinstance(value, str):
        value = str(value)
    if hidden:
        return "hmac:" + hidden(json.dumps(value, sort_keys=True)).hex()
    return value


HEADS = text("""
INSERT INTO event_stream (tenant_id, id, seq, created_at)
  SELECT :tenant, id, n, :now FROM unnest(CAST(:ids AS uuid[]), CAST(:counts AS bigint[])) AS t(id, n) ORDER BY id
  ON CONFLICT (tenant_id, id) DO UPDATE SET seq = event_stream.seq + excluded.seq
  RETURNING id, seq
""")
EVENTS = text("""
INSERT INTO domain_event (tenant_id, id, created_at, at, subject_type, subject_id, seq, type, actor_id, internal,
                          from_status, to_status, reason, data)
  SELECT :tenant, id, :now, :now, subject_type, subject_id, seq, type, :actor, internal, from_status, to_status, reason,
         data
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS t(id uuid, subject_type text, subject_id uuid, seq bigint, type text, internal boolean, from_status text,
         to_status text, reason text, data jsonb)
""")


async def write_events(session: AsyncSession, actor: Actor, events: Sequence[Happened], now: datetime) -> None:
    """Append events; `seq` is taken from each subject's stream under its row lock, subjects in the order of their ids."""
    counts = Counter(happened.subject_id for happened in events)
    found = await session.execute(
        HEADS, {"tenant": actor.tenant_id, "now": now, "ids": list(counts), "counts": list(counts.values())}
    )
    following = {id_: seq - counts[id_] for id_, seq in found}
    rows = []
    for happened in events:
        following[happened.subject_id] += 1
        row = happened._asdict() | {"id": new_id(), "seq": following[happened.subject_id]}
        rows.append(row)
    # as one value: an array of each column costs a look at every element, five times over
    values = {"tenant": actor.tenant_id, "now": now, "actor": actor.user_id, "rows": json.dumps(rows, default=str)}
    await session.execute(EVENTS, values)


# The head is locked by the UPDATE itself and is the last lock of the transaction; the hash is taken where the head is.
AUDIT = text("""
WITH head AS (
  INSERT INTO audit_head (tenant_id, seq, hash) VALUES (:tenant, 0, :genesis)
    ON CONFLICT (tenant_id) DO UPDATE SET seq = audit_head.seq RETURNING seq, hash
), made AS (
  INSERT INTO audit_event (tenant_id, id, created_at, seq, op, actor_id, acting_role, session_id, token_id, subject_type,
                           subject_id, dealer_id, changes, request_id, prev_hash, hash)
    SELECT :tenant, :id, :now, head.seq + 1, :op, :actor, :role, :session, :token, :subject_type, :subject, :dealer,
           CAST(:changes AS jsonb), :request, head.hash, sha256(head.hash || int8send(head.seq + 1) || :body)
    FROM head RETURNING seq, hash
)
SELECT seq, hash FROM made
""")
HEAD = text("UPDATE audit_head SET seq = :seq, hash = :hash WHERE tenant_id = :tenant")


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
        "changes": json.dumps({f"{c.type}:{id_}": c.columns for id_, c in changes.items()}, default=str),
        "request": request_id,
    }
    made = (await session.execute(AUDIT, {**row, "genesis": GENESIS, "body": audit_body(row)})).one()
    await session.execute(HEAD, {"tenant": actor.tenant_id, "seq": made.seq, "hash": made.hash})
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
    plain["changes"] = json.loads(row["changes"]) if isinstance(row["changes"], str) else row["changes"]
    plain["now"] = row["now"].astimezone(UTC).isoformat()
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False).encode()


class Verdict(NamedTuple):
    """What a verifier found: how many events it read, and where the chain is broken, if it is."""

    checked: int
    broken_at: int | None


async def verify_audit(session: AsyncSession, tenant_id: UUID) -> Verdict:
    """Recompute the whole chain of the tenant that the session is set to."""
    found = await session.stream(text("SELECT * FROM audit_event ORDER BY seq"))
    previous, seq = GENESIS, 0
    async for row in found.mappings():
        seq += 1
        body = audit_body(
            {
                "tenant": tenant_id,
                "id": row["id"],
                "now": row["created_at"],
                "op": row["op"],
                "actor": row["actor_id"],
                "role": row["acting_role"],
                "session": row["session_id"],
                "token": row["token_id"],
                "subject_type": row["subject_type"],
                "subject": row["subject_id"],
                "dealer": row["dealer_id"],
                "changes": row["changes"],
                "request": row["request_id"],
            }
        )
        expected = hashlib.sha256(previous + seq.to_bytes(8, "big") + body).digest()
        if row["seq"] != seq or row["prev_hash"] != previous or row["hash"] != expected:
            return Verdict(seq, seq)
        previous = expected
    head = (await session.execute(text("SELECT seq, hash FROM audit_head"))).one_or_none()
    if head is not None and (head.seq, head.hash) != (seq, previous):
        return Verdict(seq, seq + 1)
    return Verdict(seq, None)
