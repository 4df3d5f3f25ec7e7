"""What the head of a request says of its caller, worked out once for all requests that say the same.

A client sends the same head again and again; but for a handful of headers, which are read each time, what it says does not
change. What is remembered is who *shows* something, not who it is: whether a token still counts is asked each time.
"""

import re
import secrets
from collections import OrderedDict
from itertools import count
from typing import NamedTuple

from souk.rules.actor import Caller
from souk.settings import Settings
from souk.web.carriers import agent_of, carried
from souk.web.gate import Scope, check_host, check_origin, host_of
from souk.web.limits import address_of
from souk.web.sessions import Credential

KEPT, KEPT_BYTES = 2_000, 4_096  # heads, and bytes of one that is worth keeping
EACH_TIME = frozenset(
    {b"content-length", b"x-request-id", b"traceparent", b"tracestate", b"if-none-match", b"sec-websocket-key"}
)
"""What differs from request to request; nothing of it is in a `Head`."""
_PROCESS, _requests = secrets.token_hex(7), count()  # together unique, and no call of the system for each
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Head(NamedTuple):
    """What a request shows, and how it wants to be answered; `explain` and `rehearse` as in `Call`."""

    credential: Credential
    caller: Caller
    language: str
    explain: bool
    rehearse: bool


class Heads:
    """The heads of one process's requests, the most recently used ones.

    One is kept when it comes again: who guesses tokens sends a new head each time, and would else fill the table with them.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._kept: OrderedDict[tuple[object, ...], Head] = OrderedDict()
        self._once: OrderedDict[int, None] = OrderedDict()  # hashes of heads that came once, the oldest first

    def of(self, scope: Scope, headers: dict[bytes, bytes], *, link: bool = False) -> Head:
        """The head of a request; `link` as in `carried`. Raises Failure: no host, page or credential of ours."""
        key = (
            scope["type"], link, address(scope),
            *[each for each in scope["headers"] if each[0] not in EACH_TIME],
        )  # fmt: skip
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        found = self._read(scope, headers, link)
        if sum(len(name) + len(value) for name, value in scope["headers"]) <= KEPT_BYTES:
            self._keep(key, found)
        return found

    def _keep(self, key: tuple[object, ...], head: Head) -> None:
        mark = hash(key)
        if mark not in self._once:
            self._once[mark] = None
            if len(self._once) > KEPT:
                self._once.popitem(last=False)
            return
        del self._once[mark]
        self._kept[key] = head
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def _read(self, scope: Scope, headers: dict[bytes, bytes], link: bool) -> Head:
        socket, host = scope["type"] == "websocket", host_of(headers)
        check_host(host, self.settings.allowed_hosts)
        if not socket:
            check_origin(headers, self.settings.allowed_origins)
        shown = carried(headers, self.settings, socket=socket, link=link)
        slug = headers.get(b"x-souk-tenant", b"").decode("latin-1").strip() if self.settings.development else ""
        caller = Caller(
            address(scope), agent_of(headers), cookies=shown.own_page and not socket, by_cookie=bool(shown.forget)
        )
        return Head(
            Credential(shown.token, host, slug[:63] or None, shown.forget),
            caller,
            headers.get(b"accept-language", b"").decode("latin-1")[:200],
            headers.get(b"x-explain") == b"1",
            headers.get(b"x-souk-dry-run") == b"1",
        )


def request_id_of(headers: dict[bytes, bytes]) -> str:
    """The id that a caller gives its request, or a new one."""
    given = headers.get(b"x-request-id", b"")
    return given.decode() if given and _REQUEST_ID.fullmatch(given) else new_request_id()


def new_request_id() -> str:
    return f"{_PROCESS}{next(_requests):010x}"


def address(scope: Scope) -> str:
    """The peer's address, or what a trusted proxy says of it (`web/server.py`)."""
    return address_of(scope["client"][0]) if scope.get("client") else ""
