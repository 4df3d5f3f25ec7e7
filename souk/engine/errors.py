"""What stops an operation, as clients see it: a message, a code, and whether trying again may help."""

from collections.abc import Iterable
from typing import Any, ClassVar

import structlog
from asyncpg import exceptions as pg
from graphql import FieldNode, GraphQLError
from strawberry.exceptions import StrawberryInputCoercionError

from ..db.trouble import Trouble, trouble
from .witness import refused

LISTED = 100  # errors of one answer
LOGGED = 3  # unexpected errors of one answer: a list of broken rows is one bug
INTERNAL = "Internal error."
log = structlog.get_logger("souk.engine")


class Stopped(GraphQLError):
    """An error with a code of the contract. Subclasses name the code; `message` is shown to the client."""

    code: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False
    default: ClassVar[str] = INTERNAL

    def __init__(self, message: str | None = None, *, retry_after_ms: int | None = None, **facts: Any) -> None:
        extensions: dict[str, Any] = {"code": self.code, "retryable": self.retryable}
        if retry_after_ms is not None:
            extensions["retryAfterMs"] = retry_after_ms
        super().__init__(message or self.default, extensions={**extensions, **facts})


class BadUserInput(Stopped):
    code = "BAD_USER_INPUT"
    default = "This value cannot be used."


class Forbidden(Stopped):
    code = "FORBIDDEN"
    default = "You may not see this."


class Overloaded(Stopped):
    code, retryable, default = "OVERLOADED", True, "Too much is going on; try again."


class Unavailable(Stopped):
    code, retryable, default = "UNAVAILABLE", True, "The database cannot be reached; try again."


class DeadlineExceeded(Stopped):
    code, retryable, default = "DEADLINE_EXCEEDED", True, "This took too long."


class Conflict(Stopped):
    code, retryable, default = "CONFLICT", True, "Somebody else is changing the same thing; try again."


STOPPED: dict[Trouble, type[Stopped]] = {
    Trouble.UNAVAILABLE: Unavailable,
    Trouble.OVERLOADED: Overloaded,
    Trouble.DEADLINE_EXCEEDED: DeadlineExceeded,
    Trouble.CONFLICT: Conflict,
}


def typed(error: BaseException) -> Stopped | None:
    """The client's word for what happened to the database, or None if it is something else."""
    if isinstance(error, Stopped):
        return error
    if isinstance(error, pg.CharacterNotInRepertoireError | pg.UntranslatableCharacterError):
        return BadUserInput()  # a NUL in a text
    found = trouble(error)
    return None if found is None else STOPPED[found]()


def cause(error: GraphQLError) -> BaseException:
    """What was raised at first; graphql-core wraps once per layer."""
    found: BaseException = error
    while isinstance(found, GraphQLError) and found.original_error is not None:
        found = found.original_error
    return found


def shown(error: GraphQLError, request_id: str, otherwise: str = "BAD_USER_INPUT", loud: bool = True) -> dict[str, Any]:
    """The error as it goes on the wire: typed, with the request's id, and nothing of our insides. `loud`: also logged."""
    first = cause(error)
    if asks := getattr(first, "asks", ""):
        refused(getattr(first, "refused_at", "") or _field(error), asks)
    message, extensions = error.message, dict(error.extensions or {})
    known = typed(first)
    if known is not None:
        message, extensions = known.message, dict(known.extensions or {})
    elif isinstance(first, StrawberryInputCoercionError):
        message, extensions = "This value cannot be used.", {"code": "BAD_USER_INPUT", "retryable": False}
    elif not isinstance(first, GraphQLError):
        if loud:
            log.error("unexpected", request_id=request_id, exc_info=first)  # its path has the client's own words
        message, extensions = INTERNAL, {"code": "INTERNAL", "retryable": False}
    extensions = {"code": otherwise, "retryable": False} | extensions | {"requestId": request_id}
    made: dict[str, Any] = {"message": message}
    if error.locations:
        made["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path is not None:
        made["path"] = error.path
    made["extensions"] = extensions
    return made


def _field(error: GraphQLError) -> str:
    node = error.nodes[0] if error.nodes else None
    return node.name.value if isinstance(node, FieldNode) else ""


def place(data: Any, path: Iterable[str | int]) -> list[int]:
    """Where a path lies in the answer, so that errors come in the order of what they are about."""
    at: list[int] = []
    for step in path:
        if isinstance(data, dict):
            if step not in data:
                break
            at.append(list(data).index(step))
            data = data[step]
        elif isinstance(data, list) and isinstance(step, int):
            at.append(step)
            data = data[step] if step < len(data) else None
    return at


def sorted_by_place(data: Any, errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first hundred errors in the order of the data, as the contract promises on both roads."""
    return sorted(errors, key=lambda error: place(data, error.get("path") or ()))[:LISTED]
