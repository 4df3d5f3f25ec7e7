"""What stops an operation: one list of codes, the HTTP status of each, and the one shape in which they are told."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import orjson
from graphql import GraphQLError

from souk.db.trouble import Trouble, trouble


class Code(StrEnum):
    """`extensions.code` of a GraphQL error."""

    BAD_REQUEST = "BAD_REQUEST"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    CONFLICT = "CONFLICT"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_REQUIRED = "PERSISTED_QUERY_REQUIRED"
    OPERATION_NOT_ALLOWED = "OPERATION_NOT_ALLOWED"
    RATE_LIMITED = "RATE_LIMITED"
    OVERLOADED = "OVERLOADED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    INTERNAL = "INTERNAL"


STATUS = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.CONFLICT: 409,
    Code.RATE_LIMITED: 429,
    Code.OVERLOADED: 503,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
    Code.SHUTTING_DOWN: 503,
    Code.INTERNAL: 500,
}
RETRYABLE = frozenset(
    {
        Code.CONFLICT,
        Code.RATE_LIMITED,
        Code.OVERLOADED,
        Code.UNAVAILABLE,
        Code.DEADLINE_EXCEEDED,
        Code.SHUTTING_DOWN,
    }
)
_HINT = re.compile(r" Did you mean .*", re.DOTALL)
INTERNAL_MESSAGE = "Something went wrong on our side. Please quote the request id."


class Failure(Exception):
    """An operation that does not happen. `status` is for HTTP; sockets and streams tell the code only."""

    about_document = False  # a well-formed request whose document is wrong: `application/json` answers it with 200

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        status: int | None = None,
        retry_after_ms: int | None = None,
        retryable: bool | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.headers, self.facts = code, message, headers, facts
        self.status = STATUS.get(code, 400) if status is None else status
        self.retryable = code in RETRYABLE if retryable is None else retryable
        self.retry_after_ms = retry_after_ms if self.retryable else None

    def formatted(self, request_id: str) -> dict[str, Any]:
        """The GraphQL error: `{message, extensions {code retryable retryAfterMs? requestId …}}`."""
        extensions: dict[str, Any] = {"code": self.code.value, "retryable": self.retryable}
        if self.retry_after_ms is not None:
            extensions["retryAfterMs"] = self.retry_after_ms
        return {"message": self.message, "extensions": {**extensions, "requestId": request_id, **self.facts}}

    def again(self) -> Self:
        """The same without a traceback: one that is kept and raised often must not hold on to requests."""
        twin = self.__class__.__new__(self.__class__)
        twin.__dict__.update(self.__dict__)
        twin.args = self.args
        return twin

    def body(self, request_id: str) -> bytes:
        return orjson.dumps({"errors": [self.formatted(request_id)]})


class DocumentRefusal(Failure):
    """A GraphQL error that stops the whole operation; keeps its code, its facts and the places it is about."""

    def __init__(self, error: GraphQLError, code: Code | None = None) -> None:
        facts = dict(error.extensions or {})
        named = str(facts.pop("code", Code.BAD_REQUEST))
        facts.pop("retryable", None)
        after = facts.pop("retryAfterMs", None)
        found = code or (Code(named) if named in Code.__members__ else Code.INTERNAL)
        super().__init__(found, error.message, retry_after_ms=after, **facts)
        self.about_document = found in (Code.BAD_REQUEST, Code.BAD_USER_INPUT)
        self.locations = [{"line": place.line, "column": place.column} for place in error.locations or ()]

    def formatted(self, request_id: str) -> dict[str, Any]:
        error = super().formatted(request_id)
        return {**error, "locations": self.locations} if self.locations else error


def wrong_document(message: str, code: Code = Code.BAD_REQUEST, **facts: Any) -> Failure:
    failure = Failure(code, message, **facts)
    failure.about_document = True
    return failure


def retry_after(milliseconds: int | None) -> tuple[tuple[bytes, bytes], ...]:
    """The header that tells when to try again, in whole seconds, where that helps."""
    return () if milliseconds is None else ((b"retry-after", str(-(-milliseconds // 1000)).encode()),)


def unauthenticated(message: str) -> Failure:
    return Failure(Code.UNAUTHENTICATED, message, headers=((b"www-authenticate", b'Bearer realm="souk"'),))


def shutting_down() -> Failure:
    return Failure(Code.SHUTTING_DOWN, "The server is going down; another one will answer.", retry_after_ms=1000)


def failure_of(error: BaseException) -> Failure | None:
    """What an exception of the parts below means to a client; None if nobody foresaw it."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, GraphQLError):
        return DocumentRefusal(error)
    if type(error) is TimeoutError and error.errno is None:  # a deadline of ours; the network's have a number
        return _failed(Trouble.DEADLINE_EXCEEDED)
    found = trouble(error)
    return None if found is None else _failed(found)


TOLD: dict[Trouble, tuple[str, int | None]] = {
    Trouble.UNAVAILABLE: ("The database cannot be reached at the moment.", 1000),
    Trouble.OVERLOADED: ("Too much is going on at the moment.", 1000),
    Trouble.DEADLINE_EXCEEDED: ("The operation took too long and was ended.", None),
    Trouble.CONFLICT: ("Somebody else is changing the same thing; try again.", 100),
}


def _failed(found: Trouble) -> Failure:
    message, after = TOLD[found]
    return Failure(Code(found.value), message, retry_after_ms=after)


def internal() -> Failure:
    return Failure(Code.INTERNAL, INTERNAL_MESSAGE)


@dataclass(slots=True)
class Told:
    """An answer whose errors all have a code, `retryable` and the request id.

    `executed` is False for a request error (the answer has no `data`); `failed` is the code of an operation that came to
    nothing as a whole, so that its status can say so.
    """

    body: bytes
    errors: tuple[dict[str, Any], ...] = ()
    executed: bool = True
    failed: Code | None = None


def told(body: bytes, request_id: str, *, again: bool = True, hints: bool = True) -> Told:
    """Complete the errors of an answer; without `again` none of them is retryable.

    Without `hints` no error says what else the schema has.

    An error with a path and without a code is an exception nobody foresaw: its text stays inside.
    """
    if b'"errors":' not in body:
        return Told(body)
    answer = orjson.loads(bytes(body))  # a payload of a stream is a subclass, which orjson does not take
    errors = answer.get("errors")
    if not errors:
        return Told(body)
    for error in errors:
        extensions = error.setdefault("extensions", {})
        if "code" not in extensions:
            if "path" in error:
                extensions["code"], error["message"] = Code.INTERNAL, INTERNAL_MESSAGE
            elif error["message"].startswith("Variable "):
                extensions["code"] = Code.BAD_USER_INPUT
            else:
                extensions["code"] = Code.BAD_REQUEST
        if not hints:
            error["message"] = _HINT.sub("", error["message"])
        extensions.setdefault("retryable", extensions["code"] in RETRYABLE)
        if not again:
            extensions["retryable"] = False
            extensions.pop("retryAfterMs", None)
        extensions["requestId"] = request_id
    code = errors[0]["extensions"]["code"]
    failed = None if answer.get("data") is not None else Code(code) if code in Code.__members__ else Code.INTERNAL
    return Told(orjson.dumps(answer), tuple(errors), "data" in answer, failed)
