"""How a mutation is declared and run: gate, one transaction, payload; refusals become `userErrors`.

    listing_submit: ListingSubmitPayload | None = write(resolve.listing_submit, gate=may("listing:write"))

A write is `async (tx, input) -> row`. Its input's `idempotency_key` decides whether a repetition replays.
"""

import asyncio
import inspect
import random
import typing
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import strawberry
import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from strawberry.utils.str_converters import to_camel_case

from ..context import Context, Info, Rehearsal
from ..db.idempotency import KEPT, Key
from ..db.session import Transaction
from ..engine.declare import Gate, mutation
from ..engine.errors import DeadlineExceeded, typed
from ..engine.notes import Payload as Node
from ..engine.notes import note_of
from ..engine.symbols import write_id
from ..permissions.base import may
from ..resolvers.writing import CONSTRAINTS, Said, demand
from ..rules import errors
from ..rules.actor import STAFF, Actor
from ..rules.errors import InvalidInput, Refused
from . import errors as shown_errors
from .errors import UserError

Write = Callable[..., Awaitable[Any]]
Within = Callable[[], AbstractAsyncContextManager[None]]
Acts = Callable[[Context, Any], Awaitable[Actor]]
TRIES = 3
AGAIN = ("40001", "40P01")  # serialization failure, deadlock: nothing else is retried
READS_AUDIT = may("audit:read")
log = structlog.get_logger("souk.write")


@strawberry.type(description="What a mutation answers.")
class Payload:
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed; empty when it was done.")
    audit_event_id: strawberry.ID | None = strawberry.field(
        description="The audit event it left; null for those who may not read the audit, and when nothing was changed."
    )


@strawberry.type(description="What a mutation answers that takes an idempotency key.")
class KeyedPayload(Payload):
    idempotency_replayed: bool = strawberry.field(
        description="Whether this is the outcome of an earlier call with the same key."
    )


class Shape(NamedTuple):
    """What a payload has besides the fields of every payload: its entity, read by its id, and plain fields."""

    entity: str | None
    others: tuple[str, ...] = ()


class Outcome:
    """The payload object: the entity's id under its field's name, and the fields that every payload has."""

    def __init__(self, shape: Shape, row_id: UUID | None, problems: list[UserError]) -> None:
        self.user_errors = problems
        self.audit_event_id: strawberry.ID | None = None
        self.idempotency_replayed = False
        self.forbidden: errors.Forbidden | None = None
        for name in shape.others:
            setattr(self, name, None)
        if shape.entity:
            setattr(self, shape.entity, row_id)


def write(
    function: Write,
    *,
    gate: Gate,
    kept: timedelta = KEPT,
    acts: Acts | None = None,
    step_up: bool = False,
    in_person: bool = False,
    within: Within | None = None,
) -> Any:
    """A mutation field over a write. The payload's one entity field is the `payload_node` that its type adds to `Payload`.

    `acts(context, input)` says as whom, and so in which tenant, where that is not the one who asks; it may refuse.

    `step_up` asks for a proof of who is asking that is at most ten minutes old, `in_person` refuses whoever only acts for
    somebody; a step-up implies it. `within` is entered before the transaction begins and left after it.
    """
    name = to_camel_case(function.__name__)
    hints = typing.get_type_hints(function)
    done = demanding(function, step_up) if step_up or in_person else function
    input_type = hints["input"]
    asks: str = getattr(gate, "asks", "own")

    async def refused(context: Context) -> None:
        await note_refusal(context, name, asks)

    async def resolve(info: Info, input: input_type) -> Any:  # type: ignore[valid-type]
        async with within() if within else nullcontext():
            made = await run(info.context, name, done, input, shape_of(info), kept, acts)
        if made.forbidden is not None:
            await note_refusal(info.context, name, getattr(made.forbidden, "permission", asks))
        return made

    resolve.__annotations__["input"] = input_type
    resolve.__doc__ = inspect.getdoc(function)
    return mutation(resolve, gate=gate, refused=refused, rehearsed=True, description=inspect.getdoc(function))


def demanding(function: Write, step_up: bool) -> Write:
    """The write, refused to whoever only acts for somebody, and with `step_up` without a fresh proof."""

    async def asked(tx: Transaction, given: Any) -> Any:
        demand(tx, step_up=step_up)
        return await function(tx, given)

    return asked


async def note_refusal(context: Context, operation: str, permission: str) -> None:
    """Write down that somebody was refused; the answer does not hang on it. A dry run leaves nothing, not even that."""
    if context.rehearsal is not None:
        return
    try:
        await context.db.refusals.note(context.actor, operation, permission, context.now, context.request_id or None)
    except (SQLAlchemyError, OSError) as error:
        log.warning("a refusal could not be written down", operation=operation, error=type(error).__name__)


def shape_of(info: Info) -> Shape:
    """The fields that the payload's type adds to those of every payload."""
    type_ = info._raw_info.schema.type_map[_named(info._raw_info.return_type)]
    definition = type_.extensions["strawberry-definition"]
    common = {"user_errors", "audit_event_id", "idempotency_replayed"}
    entity, others = None, []
    for field in definition.fields:
        if isinstance(note_of(field), Node):
            entity = field.python_name
        elif field.python_name not in common:
            others.append(field.python_name)
    return Shape(entity, tuple(others))


def _named(type_: Any) -> str:
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return str(type_.name)


async def run(
    context: Context,
    name: str,
    function: Write,
    given: Any,
    shape: Shape,
    kept: timedelta = KEPT,
    acts: Acts | None = None,
) -> Outcome:
    """Run a write in its transaction, the whole of it again when the database says so."""
    key = getattr(given, "idempotency_key", None)
    try:
        keyed = Key(context.actor, _key(key), name, given) if key is not None else None
    except Refused as refused:
        return Outcome(shape, None, [shown_errors.shown(refused)])
    for attempt in range(1, TRIES + 1):
        try:
            actor = context.actor if acts is None else await acts(context, given)
            return await _once(context, actor, name, function, given, shape, keyed, kept)
        except (Refused, IntegrityError) as error:
            found = error if isinstance(error, Refused) else refused_by_database(error)
            if keyed and found.stored and context.rehearsal is None:
                await _keep_refusal(context, name, keyed, found, kept)
            made = Outcome(shape, None, [shown_errors.shown(found)])
            made.forbidden = found if isinstance(found, errors.Forbidden) else None
            return made
        except InvalidInput as invalid:
            return Outcome(shape, None, [shown_errors.shown(problem) for problem in invalid.problems])
        except (SQLAlchemyError, OSError) as error:
            state = getattr(getattr(error, "orig", None), "sqlstate", None)
            if state in AGAIN and attempt < TRIES:
                await asyncio.sleep(random.uniform(0, 0.02 * 2**attempt))
                continue
            raise typed(error) or error from error
    raise AssertionError("unreachable")


async def _once(
    context: Context,
    actor: Actor,
    name: str,
    function: Write,
    given: Any,
    shape: Shape,
    keyed: Key | None,
    kept: timedelta,
) -> Outcome:
    if context.effects.late:
        raise DeadlineExceeded
    if context.rehearsal is not None:
        return await _rehearsed(context, context.rehearsal, actor, name, function, given, shape, keyed)
    committing = False
    context.effects.unsettled += keyed is None
    try:
        async with context.db.transaction(
            actor,
            name,
            now=context.now,
            request_id=context.request_id or None,
            caller=context.caller,
            flags=context.flags,
        ) as tx:
            if keyed and (stored := await keyed.replay(tx.session, tx.now)) is not None:
                return _replayed(stored, shape)
            done = await function(tx, given)
            await tx.session.flush()
            said = done if isinstance(done, Said) else Said(done)
            made = _outcome(said, shape)
            if keyed and not await keyed.keep(tx.session, {"id": str(said.row.id)}, tx.now, kept):
                raise errors.IdempotencyInFlight
            committing = True
    except BaseException as error:
        if not committing or _undone(error):
            context.effects.unsettled -= keyed is None
        raise
    if said.problem is None:
        made.audit_event_id = _audit_id(context, tx)
    context.effects.cookie = said.cookie or context.effects.cookie
    return made


def _outcome(said: Said, shape: Shape) -> Outcome:
    if said.problem is not None:
        made = Outcome(shape, None, [shown_errors.shown(said.problem)])
        made.forbidden = said.problem if isinstance(said.problem, errors.Forbidden) else None
        return made
    made = Outcome(shape, None if said.row is None else said.row.id, [])
    for name, value in said.shown.items():
        setattr(made, name, value)
    return made


async def _rehearsed(
    context: Context,
    rehearsal: Rehearsal,
    actor: Actor,
    name: str,
    function: Write,
    given: Any,
    shape: Shape,
    keyed: Key | None,
) -> Outcome:
    """The same in a transaction that stays open until the answer is read, and never commits."""
    asked = context.request_id or None
    tx, check = await rehearsal.open(context.db, actor, name, context.now, asked, context.caller)
    if keyed and (stored := await keyed.replay(tx.session, tx.now)) is not None:
        return _replayed(stored, shape)
    done = await function(tx, given)
    await check()
    rehearsal.effects += [
        {
            "type": each.type,
            "subjectType": each.subject_type,
            "subjectId": write_id(each.subject_type, each.subject_id),
            "fromStatus": each.from_status,
            "toStatus": each.to_status,
        }
        for each in tx.events
        if not each.internal or context.actor.role in STAFF
    ]
    return _outcome(done if isinstance(done, Said) else Said(done), shape)


def _undone(error: BaseException) -> bool:
    """Whether an error while committing says that nothing was committed; a lost connection says nothing at all."""
    state = getattr(_origin(error), "sqlstate", None)
    return state is not None and not state.startswith(("08", "57P"))


def _audit_id(context: Context, tx: Transaction) -> strawberry.ID | None:
    if tx.audit_id is None or not READS_AUDIT.admits(context.actor.facts):
        return None
    return strawberry.ID(write_id("AuditEvent", tx.audit_id))


def _key(text: str) -> str:
    if not 16 <= len(text) <= 255:
        raise errors.OutOfRange("An idempotency key has 16 to 255 characters.", field="idempotency_key")
    return text


async def _keep_refusal(context: Context, name: str, keyed: Key, refused: Refused, kept: timedelta) -> None:
    """A refusal that would be the same again is stored, though its own transaction was rolled back."""
    problem = {"refused": refused.code, "message": refused.message, "field": refused.field, "facts": refused.facts()}
    async with context.db.transaction(context.actor, name, now=context.now) as tx:
        await keyed.keep(tx.session, problem, tx.now, kept)


def _replayed(stored: dict[str, Any], shape: Shape) -> Outcome:
    if "refused" in stored:
        refused = errors.revive(stored["refused"], stored["message"], stored["field"], stored["facts"])
        made = Outcome(shape, None, [shown_errors.shown(refused)])
    else:
        made = Outcome(shape, UUID(stored["id"]), [])
    made.idempotency_replayed = True
    return made


def _origin(error: BaseException) -> BaseException:
    """asyncpg's own exception beneath SQLAlchemy's."""
    original = getattr(error, "orig", None) or error
    return original.__cause__ or original


def refused_by_database(conflict: IntegrityError) -> Refused:
    """What the database refused, in the words of the contract; the constraint's name decides."""
    origin = _origin(conflict)
    name, state = getattr(origin, "constraint_name", None), getattr(origin, "sqlstate", "")
    if name in CONSTRAINTS:
        return CONSTRAINTS[name]()
    log.warning("refused by the database", constraint=name, sqlstate=state)
    match state:
        case "23505" | "23P01":
            return errors.NotUnique()
        case "23503":
            return errors.NotFound()
    return errors.Invalid()
