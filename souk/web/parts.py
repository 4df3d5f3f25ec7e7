"""What an app is made of: what it is told of a caller, and the parts that it asks, by what they do."""

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

from souk.documents.store import Store
from souk.engine.cost import Costs
from souk.engine.deadlines import Deadlines
from souk.engine.document import Operation
from souk.engine.question import Question
from souk.engine.run import Explained
from souk.rules.actor import NOWHERE, Actor, Caller
from souk.web.attachments import Attachments
from souk.web.exports import Exports
from souk.web.limits import Allowances
from souk.web.metrics import Gauges, Lag
from souk.web.reports import Reports
from souk.web.sessions import Credential, Sessions
from souk.web.uploads import Uploads


@dataclass(slots=True)
class Call:
    """What is known of a caller besides who it is. `address` is the peer's; `transport` is http, socket or stream.

    `trace` is the id of the caller's distributed trace; `explain` asks for an explanation instead of the answer,
    `rehearse` for a mutation that keeps nothing.
    """

    request_id: str
    credential: Credential
    address: str = ""
    transport: str = "http"
    language: str = ""
    caller: Caller = NOWHERE
    trace: str = ""
    explain: bool = False
    rehearse: bool = False
    began: float = field(default_factory=lambda: monotonic())
    """When its request began to be read: what it may take is counted from there."""


class Answer(Protocol):
    """What the engine returns: the complete JSON body; on which road it was made, and why not on the fast one."""

    @property
    def body(self) -> bytes: ...
    @property
    def fused(self) -> bool: ...
    @property
    def reason(self) -> str | None: ...


class Runner(Protocol):
    """Answers queries and mutations. A body without `data` is a request error (syntax, validation, variables)."""

    def answer(
        self, document_text: str, variables: dict[str, Any], operation_name: str | None, context: Any
    ) -> Coroutine[Any, Any, Answer]: ...

    def explain(
        self, document_text: str, variables: dict[str, Any], operation_name: str | None, context: Any
    ) -> Explained | Answer: ...

    def operation(self, text: str, name: str | None = None) -> Operation | None: ...

    def at_hand(
        self, document_text: str, variables: dict[str, Any], operation_name: str | None, actor: Actor
    ) -> tuple[Any, list[Any]] | None: ...

    def begin(
        self, plan: Any, values: list[Any], deadlines: Deadlines, began: float, heard: Callable[[Question], None]
    ) -> Question | None: ...


class Payload(bytes):
    """One event as every client of a stream gets it; `after` is its place, where a follower that read it resumes."""

    after: str
    plain: bool
    """It has no errors, so nothing in it is a caller's own."""

    @classmethod
    def of(cls, seq: int, body: bytes) -> "Payload":
        made = cls(body)
        made.after, made.plain = str(seq), b'"errors":' not in body
        return made


Push = Callable[[Payload], None]


class Events(Protocol):
    """The source of subscriptions: complete payloads, each alone or as `(after, payload)`, where to resume in front.

    A source that tells many may, from some payload on, call `push` with each instead of yielding it; it ends with what
    `push` raises. `push` never waits.
    """

    def subscribe(
        self,
        document_text: str,
        variables: dict[str, Any],
        operation_name: str | None,
        context: Any,
        push: Push | None = None,
    ) -> AsyncIterator[bytes | tuple[int | None, bytes]]: ...


async def always() -> None:
    """The readiness of parts that are ready once they are built."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an app is made of while it runs. `ready` raises where the process should get no traffic; `warm` makes ready in
    advance what will be asked, beside the traffic."""

    runner: Runner
    sessions: Sessions
    context: Callable[[Actor, Call], Any]
    events: Events | None = None
    ready: Callable[[], Any] = always
    warm: Callable[[], Coroutine[Any, Any, Any]] = always
    uploads: Uploads | None = None
    reports: Reports | None = None
    exports: Exports | None = None
    attachments: Attachments | None = None
    documents: Store | None = None
    costs: Costs | None = None
    limits: Allowances | None = None
    gauges: Gauges | None = None
    lag: Lag | None = None
