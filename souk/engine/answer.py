"""The answer as bytes: what the server still does with the text that a plan's statement wrote."""

import base64
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError

from ..db.sealing import place as sealed_at
from ..rules.actor import Actor
from .errors import LISTED, LOGGED, place, shown, sorted_by_place
from .fuse import Plan
from .witness import refused

Decrypt = Callable[[bytes, bytes], str | None]
_REFUSED = re.compile(rb"\x02(\d+)\x02")
_SEALED = re.compile(rb"\x03(\d+):([0-9a-f-]+):([A-Za-z0-9+/=]*)\x03")
_MARK = secrets.token_hex(16)  # of this process, so that data cannot forge a refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a response, and how it came about.

    `executed` says whether the operation ran at all (a request error has no data); `code` is the first error's if it did not.
    """

    body: bytes
    fused: bool
    reason: str | None = None
    executed: bool = True
    code: str | None = None


def plain(text: bytes, plan: Plan) -> bool:
    """Whether the text is the answer as it stands: nothing in it is refused, sealed, or only for the executor."""
    if b"\x01" in text or plan.again:
        return False
    return not ((plan.refusals and b"\x02" in text) or (plan.seals and b"\x03" in text))


def finished(text: bytes, plan: Plan, actor: Actor, request_id: str, decrypt: Decrypt | None) -> bytes | None:
    """The answer, or None when only the executor can tell (a null for a non-null field)."""
    if plain(text, plan):
        return text
    if b"\x01" in text:
        return None
    if plan.seals and b"\x03" in text:
        text = _opened(text, plan, actor, decrypt)
    if plan.refusals and b"\x02" in text:
        return _with_refusals(text, plan, request_id)
    return orjson.dumps(orjson.loads(text)) if plan.again else text


def _opened(text: bytes, plan: Plan, actor: Actor, decrypt: Decrypt | None) -> bytes:
    if decrypt is None:
        raise GraphQLError("The keys are not at hand.", extensions={"code": "UNAVAILABLE", "retryable": True})

    def open_one(match: re.Match[bytes]) -> bytes:
        table, column = plan.seals[int(match[1])]
        return orjson.dumps(
            decrypt(base64.b64decode(match[3]), sealed_at(actor.tenant_id, table, column, match[2].decode()))
        )

    return _SEALED.sub(open_one, text)


def _with_refusals(text: bytes, plan: Plan, request_id: str) -> bytes:
    """Put null where the statement refused, and the error with its path beside the data."""
    body = orjson.loads(_REFUSED.sub(rb'"%s\1"' % _MARK.encode(), text))
    errors: list[dict[str, Any]] = []

    def walk(value: Any, path: list[str | int]) -> None:
        for step, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(child, dict | list):
                walk(child, [*path, step])
            elif isinstance(child, str) and child.startswith(_MARK):
                value[step] = None
                nth = int(child[len(_MARK) :])
                refused(*plan.asked[nth])
                if len(errors) < LISTED:
                    error = plan.refusals[nth]
                    extensions = {**error["extensions"], "requestId": request_id}
                    errors.append(
                        {
                            "message": error["message"],
                            "locations": error["locations"],
                            "path": [*path, step],
                            "extensions": extensions,
                        }
                    )

    walk(body["data"], [])
    body["errors"] = errors
    return orjson.dumps(body)


def encoded(data: Any, errors: Sequence[GraphQLError], request_id: str, more: Sequence[dict[str, Any]] = ()) -> bytes:
    """The executor's result in the same bytes; `more` are errors that are formatted already."""
    if not errors and not more:
        return orjson.dumps({"data": data})
    first = sorted(errors, key=lambda error: place(data, error.path or ()))[:LISTED]
    listed = sorted_by_place(
        data, [*(shown(error, request_id, loud=at < LOGGED) for at, error in enumerate(first)), *more]
    )
    return orjson.dumps({"data": data, "errors": listed})


def stopped(errors: Sequence[GraphQLError], request_id: str, code: str, reason: str) -> Answer:
    """A request error: nothing ran, there is no data."""
    listed = [shown(error, request_id, code) for error in errors[:LISTED]]
    return Answer(orjson.dumps({"errors": listed}), False, reason, executed=False, code=listed[0]["extensions"]["code"])
