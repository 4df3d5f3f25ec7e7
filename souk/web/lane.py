"""The short way of a request whose head its connection has sent before, and that needs nothing but its rows.

The protocol finds the head again by its bytes (`joined.py`), so nothing of it is parsed. Every step is the long way's own:
gate, sessions, documents, guard, limits, record. As soon as one of them would have to wait or to refuse, before anything
was charged, the request takes the long way from its beginning, which waits or says why.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from graphql import OperationType

from souk.rules.actor import Actor
from souk.web.errand import Errand
from souk.web.errors import Failure
from souk.web.gate import GraphQLRequest, Scope, Send, graphql_request, load_json
from souk.web.guard import Asked
from souk.web.headers import cors, with_headers
from souk.web.heads import Head, Heads, new_request_id
from souk.web.http import VARY, GraphQLOverHTTP, accepted, unreadable
from souk.web.limits import policy
from souk.web.operations import Result
from souk.web.parts import Call
from souk.web.respond import GRAPHQL_JSON, JSON, Headers, headers_of

QUERY = OperationType.QUERY
Line = tuple[bytes, bytes]
KEPT, KEPT_SECONDS = 32, 1.0  # documents of a head, and how long each: its use is written down when it is looked for
KEPT_LENGTH = 4_096  # of a text that nobody registered; a registered one is the store's own, and costs nothing


class Known(NamedTuple):
    """A document that was asked for with a head, for the actor who it was; looked for again after `until`."""

    actor: Actor
    text: str
    sha256: bytes | None
    registered: bool
    asked: Asked
    until: float


@dataclass(slots=True)
class Way:
    """What a head says, what of the answer's head is the same each time (the lines before and after its own), and the
    documents that were asked for with it of late."""

    head: Head
    media: bytes
    before: bytes
    after: bytes
    cors: Headers
    known: dict[tuple[str | bytes | None, str | None], Known] = field(default_factory=dict)


class Seen:
    """A head that a connection has sent, as it was parsed; `length` is that of the body which it announces, in bytes."""

    __slots__ = ("length", "scope", "way")

    def __init__(self, scope: Scope, length: int) -> None:
        self.scope, self.length = scope, length
        self.way: Way | bool | None = None  # False: not for the short way; None: nobody has looked yet


@dataclass(slots=True)
class Ready:
    """A query that can be answered now: it is begun, or `answer` is waited for, and then either `written` or `send`."""

    http: GraphQLOverHTTP
    way: Way
    request: GraphQLRequest
    asked: Asked
    actor: Actor
    call: Call
    errand: Errand | None = None

    def begin(self, done: Callable[[Result | None], None]) -> bool:
        """Ask at once, if that can be; `done` is called with the answer, or with None: `answer` has to be waited for."""
        self.errand = Errand.begun(self.http.operations, self.request, self.asked, self.actor, self.call, done)
        return self.errand is not None

    async def answer(self) -> Result:
        """Never raises but for cancellation."""
        return await self.http.operations.answer(self.request, self.asked, self.actor, self.call, self.errand)

    def written(self, result: Result, opening: bytes) -> bytes:
        """A plain answer as it goes over the wire; `opening` is its status line, with the server's own lines."""
        body, charge = result.told.body, result.charge
        return b"".join(
            (
                opening, b"x-request-id: ", self.call.request_id.encode(), self.way.before,
                b"%b: %b\r\nratelimit: %b\r\n" % (*policy(charge.limit, charge.per_second), charge.told) if charge else b"",
                b"cache-control: no-store\r\ncontent-length: %d\r\n" % len(body), self.way.after, body,
            )
        )  # fmt: skip

    async def send(self, send: Send, result: Result) -> None:
        """Any answer, as the long way sends it."""
        await self.http.send(
            with_headers(send, self.way.cors) if self.way.cors else send, result, self.way.media, self.call
        )


class Lane:
    """The short way of one process."""

    def __init__(self, http: GraphQLOverHTTP, heads: Heads) -> None:
        self.http, self.heads, self.operations = http, heads, http.operations
        self.sessions, self.secure = http.operations.parts.sessions, not http.settings.development

    def ready(self, seen: Seen, body: bytes) -> Ready | None:
        """The query of this request, or None where it has to take the long way. Nothing is charged and nothing waits."""
        way = seen.way
        if way is None:
            way = seen.way = self._way(seen.scope, seen.length) or False
        if not isinstance(way, Way):
            return None
        began, head = monotonic(), way.head
        actor = self.sessions.at_hand(head.credential)
        if actor is None:
            return None
        call = Call(
            new_request_id(), head.credential, head.caller.address, "http", head.language, head.caller, "", False, False, began
        )  # fmt: skip
        try:
            request = graphql_request(load_json(body))
            asked = self._asked(way, request, actor, call)
        except Failure:
            return None
        return Ready(self.http, way, request, asked, actor, call) if asked is not None else None

    def _asked(self, way: Way, request: GraphQLRequest, actor: Actor, call: Call) -> Asked | None:
        """The query that is asked for, its document filled in. Raises Failure; None: the long way knows why."""
        key = (request.query or request.sha256, request.operation_name)
        known = way.known.get(key)
        same = known is not None and (request.sha256 is None or request.sha256 == known.sha256)
        if known is not None and same and known.actor is actor and known.until > call.began and not request.automatic:
            request.query, request.sha256, request.registered = known.text, known.sha256, known.registered
            return known.asked
        if not self.operations.at_hand(request, actor, call):
            return None
        asked = self.operations.check(request)
        if asked.kind is not QUERY:
            return None
        if not request.registered and len(request.query) > KEPT_LENGTH:
            return asked
        if len(way.known) >= KEPT:
            way.known.clear()
        way.known[key] = Known(
            actor, request.query, request.sha256, request.registered, asked, call.began + KEPT_SECONDS
        )
        return asked

    def _way(self, scope: Scope, length: int) -> Way | None:
        headers = dict(scope["headers"])
        media = accepted(headers.get(b"accept"))
        wrong = unreadable(headers.get(b"content-type", b""), headers.get(b"content-encoding", b"identity"))
        if media not in (JSON, GRAPHQL_JSON) or media is None or wrong or length > self.http.settings.body_limit:
            return None
        try:
            head = self.heads.of(scope, headers)
        except Failure:
            return None
        if head.explain or head.rehearse:
            return None
        more = cors(headers, self.http.settings.allowed_origins)
        # without the id, and without what follows the charge
        same = headers_of(media, "", more=(VARY,), secure=self.secure)[1:-1]
        return Way(head, media, b"\r\n" + lines(same), lines(more) + b"\r\n", more)


def lines(headers: Iterable[Line]) -> bytes:
    """Headers as they stand in a head."""
    return b"".join([b"%b: %b\r\n" % each for each in headers])
