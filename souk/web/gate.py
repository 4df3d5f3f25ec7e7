"""The input gate: what is not a well-formed request never reaches the schema, and every refusal is a typed error."""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson

from souk.engine.deadlines import Deadlines
from souk.rules.manifest import read_id
from souk.web.errors import Code, Failure

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_JSON_DEPTH = 64
_PARAMETERS = frozenset({"query", "documentId", "operationName", "variables", "extensions"})
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")


class Disconnected(Exception):
    """The client left before its request was complete; nobody is there to be told."""


@dataclass(slots=True)
class GraphQLRequest:
    """The parameters of GraphQL over HTTP; the same over sockets and event streams.

    `query` is empty while only `sha256` names the document: `Operations.document` finds it. From then on `sha256` is that
    of the text.
    """

    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    extensions: dict[str, Any] = field(default_factory=dict)
    sha256: bytes | None = None
    automatic: bool = False
    registered: bool = False


def bad(message: str, status: int = 400) -> Failure:
    return Failure(Code.BAD_REQUEST, message, status=status)


async def read_body(receive: Receive, headers: dict[bytes, bytes], limit: int, deadlines: Deadlines) -> bytes:
    """The whole body, at most `limit` bytes within the time. Raises Failure (413, 408) or Disconnected."""
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit():
        raise bad("content-length is not a number.")
    if len(announced) > 18 or int(announced) > limit:
        raise bad(f"A request may have {limit} bytes.", 413)
    chunks: list[bytes] = []
    size = 0
    try:
        with deadlines.begun():
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Disconnected
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size > limit:
                    raise bad(f"A request may have {limit} bytes.", 413)
                if not message.get("more_body"):
                    return b"".join((*chunks, chunk)) if chunks else chunk
                chunks.append(chunk)
    except TimeoutError:
        raise bad("The body of the request took too long to arrive.", 408) from None


def load_json(body: bytes) -> Any:
    """Strict JSON in strict UTF-8: no NUL, no lone surrogate, at most 64 levels deep. Raises Failure."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad("The request is not valid JSON in UTF-8.") from None
    if b"\\u0000" in body or body.count(b"{") + body.count(b"[") > MAX_JSON_DEPTH:
        sound(value)  # else nothing can be that deep, and no text can hold a NUL: JSON only has it escaped
    return value


def sound(value: Any) -> None:
    """Refuse values that are too deep or that PostgreSQL cannot hold, without recursion."""
    level: list[Any] = [value]
    for _ in range(MAX_JSON_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item)
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str) and "\0" in item:
                raise bad("Text may not contain the character U+0000.")
        if not below:
            return
        level = below
    raise bad(f"JSON may be {MAX_JSON_DEPTH} levels deep.")


def graphql_request(value: Any) -> GraphQLRequest:
    """The parameters out of a JSON value. Raises Failure (400); batches are refused."""
    if isinstance(value, list):
        raise bad("Batches of operations are not supported; send one operation per request.")
    if not isinstance(value, dict):
        raise bad("The request must be a JSON object.")
    query, operation = value.get("query"), value.get("operationName")
    variables, extensions = value.get("variables"), value.get("extensions")
    if operation is not None and (not isinstance(operation, str) or not _NAME.fullmatch(operation)):
        raise bad("The parameter operationName must be a GraphQL name.")
    if variables is not None and not isinstance(variables, dict):
        raise bad("The parameter variables must be an object.")
    if extensions is not None and not isinstance(extensions, dict):
        raise bad("The parameter extensions must be an object.")
    sha256, automatic = _named(value.get("documentId"), query, extensions or {})
    if (query is not None or sha256 is None) and (not isinstance(query, str) or not query.strip()):
        raise bad("The parameter query must be a GraphQL document.")
    return GraphQLRequest(query or "", variables or {}, operation, extensions or {}, sha256, automatic)


def _named(document_id: Any, query: Any, extensions: dict[str, Any]) -> tuple[bytes | None, bool]:
    """The digest of the document that a request names, and whether by Apollo's protocol. Raises Failure (400)."""
    persisted = extensions.get("persistedQuery")
    if document_id is not None:
        if persisted is not None or query is not None:
            raise bad("Give a documentId or a document, not both.")
        if not isinstance(document_id, str) or (found := read_id(document_id)) is None:
            raise bad("The parameter documentId is sha256: and 64 hexadecimal digits.")
        return found, False
    if persisted is None:
        return None, False
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise bad("Unsupported persisted query version")
    hash_ = persisted.get("sha256Hash")
    if not isinstance(hash_, str) or (found := read_id(hash_)) is None:
        raise bad("persistedQuery.sha256Hash is 64 hexadecimal digits.")
    return found, True


def query_string_request(query_string: bytes) -> GraphQLRequest:
    """The parameters out of a URL; `variables` and `extensions` are JSON in it. Raises Failure (400)."""
    try:
        text = query_string.decode("ascii")
        given = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=20)
    except ValueError:
        raise bad("The query string is not well-formed.") from None
    values: dict[str, Any] = {}
    for name, content in given:
        if name in _PARAMETERS:
            if name in values:
                raise bad(f"The parameter {name} is given twice.")
            values[name] = content
    for name in ("variables", "extensions"):
        if values.get(name):
            values[name] = load_json(values[name].encode())
        else:
            values.pop(name, None)
    if not values.get("operationName"):
        values.pop("operationName", None)
    sound(values)
    return graphql_request(values)


@lru_cache(maxsize=512)
def media_types(header: bytes) -> list[tuple[str, dict[str, str]]]:
    """`a/b; c=d, e/f` as [("a/b", {"c": "d"}), …], lower case, best first; what `q=0` excludes is left out."""
    found: list[tuple[float, str, dict[str, str]]] = []
    for part in header.decode("latin-1").lower().split(","):
        name, *rest = (piece.strip() for piece in part.split(";"))
        parameters = {key.strip(): value.strip().strip('"') for key, _, value in (item.partition("=") for item in rest)}
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 0.0
        if name and 0 < quality <= 1:
            found.append((quality, name, parameters))
    return [(name, parameters) for _, name, parameters in sorted(found, key=lambda each: -each[0])]


def host_of(headers: dict[bytes, bytes]) -> str:
    """The host name without its port, lower case; empty if there is none."""
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0]


def check_host(host: str, allowed: Iterable[str]) -> None:
    """Raises Failure (421) for a host name that is not served here; an empty list allows all."""
    patterns = allowed if isinstance(allowed, tuple) else tuple(allowed)
    if not patterns or host in patterns or f"*.{host.partition('.')[2]}" in patterns:
        return
    raise bad("This host name is not served here.", 421)


def check_origin(headers: dict[bytes, bytes], allowed: Iterable[str]) -> None:
    """Raises Failure (403) when a browser calls on behalf of a site that is neither this one nor listed."""
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    if not origin or origin in tuple(allowed):
        return
    if origin.partition("://")[2] == headers.get(b"host", b"").decode("latin-1").lower():
        return
    raise Failure(Code.FORBIDDEN, "This origin may not call the API.")
