"""The ASGI application: which path is answered by what, and what is open while it runs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from souk.settings import Settings, SettingsError
from souk.web.attachments import PATH as FILE
from souk.web.errors import Code, Failure, failure_of, internal, retry_after, shutting_down
from souk.web.exports import PATH as EXPORT
from souk.web.gate import Disconnected, Receive, Scope, Send, bad, check_host, check_origin, host_of, media_types
from souk.web.graphiql import GraphiQL
from souk.web.guard import Guard
from souk.web.headers import SECURITY_TXT, cors, is_preflight, preflight, security_txt, trace_of, with_headers
from souk.web.heads import Heads, address, request_id_of
from souk.web.http import GraphQLOverHTTP
from souk.web.lane import Lane
from souk.web.metrics import CONTENT_TYPE, Gauge, Metrics, check_reader
from souk.web.operations import Operations, log
from souk.web.parts import Call, Parts
from souk.web.reports import PATH as REPORT
from souk.web.respond import JSON, TEXT, headers_of, respond
from souk.web.sessions import Credential
from souk.web.sockets import Socket, deny
from souk.web.streams import Streams

END_SECONDS = 3.0
READY_SECONDS = 2.0
PATHS = ("/graphql", "/uploads")
FILES = {"reports": REPORT, "exports": EXPORT, "attachments": FILE}

Build = Callable[[Settings], AbstractAsyncContextManager[Parts]]


class App:
    """One process's front door. `build` opens what the app works with, when it starts, in the loop it runs in."""

    def __init__(self, settings: Settings, build: Build) -> None:
        self.settings, self.build = settings, build
        self.heads = Heads(settings)
        self.draining = False
        self.metrics = Metrics()
        self.graphiql = GraphiQL() if settings.development else None
        self._parts: Parts | None = None
        self._http: GraphQLOverHTTP | None = None
        self.lane: Lane | None = None
        self.streams = Streams(settings)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What the server does around its life; tests that have no server do it themselves."""
        async with self.build(self.settings) as parts:
            self._parts = parts
            operations = Operations(self.settings, Guard(self.settings, parts.costs), parts, self.metrics)
            watching = [self.metrics.watch(each) for each in (self._gauges, parts.gauges) if each is not None]
            self._http = GraphQLOverHTTP(operations, self.streams)
            self.lane = Lane(self._http, self.heads)
            keeper = asyncio.create_task(self.streams.look_after(parts.sessions, self._recheck_pause))
            try:
                yield
            finally:
                keeper.cancel()
                await operations.settle()
                self._parts = self._http = self.lane = None
                for each in watching:
                    self.metrics.registry.unregister(each)

    async def warm(self) -> None:
        """Make ready what will be asked, beside the traffic."""
        if self._parts is not None:
            await self._parts.warm()

    def _gauges(self) -> Iterable[Gauge]:
        kinds = Counter(one.call.transport for one in self.streams.open)
        found = {name: float(kinds[name]) for name in ("socket", "stream", "multipart")}
        yield "souk_connections", "Sockets and event streams that are open.", found
        if self._parts is not None and self._parts.lag is not None:
            yield "souk_job_lag_seconds", "How long due work has been waiting.", self._parts.lag.found

    async def _recheck_pause(self) -> None:
        await asyncio.sleep(self.settings.session_recheck)

    async def drain(self) -> None:
        """Take no more traffic: readiness false, then subscriptions and sockets end with a typed close."""
        self.draining = True
        await self.streams.end_all(shutting_down(), END_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._request(scope, receive, send)
            case "websocket":
                await self._socket(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.running():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            foreseen = isinstance(error, SettingsError | RuntimeError) or failure_of(error) is not None
            log.error("the app cannot start", reason=str(error), exc_info=None if foreseen else error)
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        request_id = request_id_of(headers)
        if b"origin" in headers and (more := cors(headers, self.settings.allowed_origins)):
            send = with_headers(send, more)
        try:
            await self._route(scope, receive, send, headers, request_id)
        except Disconnected:
            return
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                log.error("failed", request_id=request_id, exc_info=error)
                failure = internal()
            failure = await self._refused(failure, self._stranger(scope, headers, request_id))
            body = failure.body(request_id)
            secure = not self.settings.development
            answer = headers_of(
                JSON, request_id, more=(*failure.headers, *retry_after(failure.retry_after_ms)), secure=secure
            )
            await respond(send, failure.status, answer, body, head=scope["method"] == "HEAD")

    async def _route(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], request_id: str
    ) -> None:
        path, method = scope["path"], scope["method"]
        if (
            path == "/graphql" and method == "POST" and self._http is not None
        ):  # nearly all of them; the rest may look longer
            await self._http(scope, receive, send, headers, self._call(scope, headers, request_id))
            return
        if path == "/metrics":
            await self._metrics(method, scope, headers, send, request_id)
            return
        if path in ("/livez", "/readyz"):
            if method not in ("GET", "HEAD"):
                raise Failure(Code.BAD_REQUEST, "Use GET.", status=405, headers=((b"allow", b"GET, HEAD"),))
            status, body = (200, {"ok": True}) if path == "/livez" else await self._ready()
            answer = headers_of(JSON, request_id)
            await respond(send, status, answer, orjson.dumps(body), head=method == "HEAD")
            return
        check_host(host_of(headers), self.settings.allowed_hosts)
        if self.graphiql is not None and self.graphiql.answers(path, method, _names(headers)):
            await self.graphiql.serve(path, request_id, send)
            return
        if path == SECURITY_TXT:
            await self._security(method, send, request_id)
            return
        sent = None if path in PATHS else _file(path)
        if sent is None and path not in PATHS:
            raise bad("There is nothing here; the API is at /graphql.", 404)
        if is_preflight(method, headers):
            answer = headers_of(TEXT, request_id, more=preflight(headers, self.settings.allowed_origins))
            await respond(send, 204, answer, b"", head=True)
            return
        check_origin(headers, self.settings.allowed_origins)
        if sent is not None:
            await self._sent(*sent, method, send, self._call(scope, headers, request_id))
            return
        if path == "/uploads":
            await self._upload(method, receive, send, headers, self._call(scope, headers, request_id))
            return
        if self._http is None:
            raise shutting_down()
        await self._http(scope, receive, send, headers, self._call(scope, headers, request_id))

    async def _metrics(
        self, method: str, scope: Scope, headers: dict[bytes, bytes], send: Send, request_id: str
    ) -> None:
        if method not in ("GET", "HEAD"):
            raise Failure(Code.BAD_REQUEST, "Use GET.", status=405, headers=((b"allow", b"GET, HEAD"),))
        check_reader(self.settings, headers, address(scope))
        if self._parts is not None and self._parts.lag is not None:
            await self._parts.lag.look()
        answer = headers_of(CONTENT_TYPE, request_id)
        await respond(send, 200, answer, self.metrics.text(), head=method == "HEAD")

    async def _security(self, method: str, send: Send, request_id: str) -> None:
        body = security_txt(self.settings, datetime.now(UTC))
        if body is None or method not in ("GET", "HEAD"):
            raise bad("There is nothing here; the API is at /graphql.", 404)
        secure = not self.settings.development
        await respond(send, 200, headers_of(TEXT, request_id, secure=secure), body, head=method == "HEAD")

    async def _upload(self, method: str, receive: Receive, send: Send, headers: dict[bytes, bytes], call: Call) -> None:
        if method != "POST":
            raise Failure(Code.BAD_REQUEST, "Use POST.", status=405, headers=((b"allow", b"POST"),))
        if self._parts is None or self._parts.uploads is None:
            raise shutting_down()
        actor = await self._parts.sessions.actor(call.credential)
        made = await self._parts.uploads.take(actor, receive, headers, call.request_id)
        answer = headers_of(JSON, call.request_id, secure=not self.settings.development)
        await respond(send, 201, answer, orjson.dumps({"id": made}))

    async def _sent(self, part: str, id: str, method: str, send: Send, call: Call) -> None:
        """A file, sent out by the part of that name."""
        if method not in ("GET", "HEAD"):
            raise Failure(Code.BAD_REQUEST, "Use GET.", status=405, headers=((b"allow", b"GET, HEAD"),))
        sender = getattr(self._parts, part, None)
        if self._parts is None or sender is None:
            raise shutting_down()
        actor = await self._parts.sessions.actor(call.credential)
        secure = not self.settings.development
        await sender.send(actor, id, send, call.request_id, head=method == "HEAD", secure=secure)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        request_id = request_id_of(headers)
        try:
            if scope["path"] != "/graphql" or self._http is None:
                raise bad("There is nothing here.", 404)
            check_host(host_of(headers), self.settings.allowed_hosts)
            call = self._call(scope, headers, request_id)
        except Failure as failure:
            call = replace(self._stranger(scope, headers, request_id), transport="socket")
            await receive()
            await deny(scope, send, await self._refused(failure, call), call)
            return
        socket = Socket(self._http.operations, self.streams, scope, receive, send, call)
        await socket.serve(headers, draining=self.draining)

    async def _ready(self) -> tuple[int, dict[str, Any]]:
        """Whether this process should get traffic, and if not, a reason without details."""
        if self.draining or self._parts is None:
            return 503, {"ok": False, "reason": "draining"}
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._parts.ready()
        except NotReady as reason:
            return 503, {"ok": False, "reason": str(reason)}
        except Exception as error:
            if failure_of(error) is None:
                log.error("readiness check failed", exc_info=error)
            return 503, {"ok": False, "reason": "database"}
        return 200, {"ok": True}

    async def _refused(self, failure: Failure, call: Call) -> Failure:
        """What is refused before anybody looks who asks: the network that it comes from pays for it."""
        if self._http is not None:
            return await self._http.operations.refuse(failure, None, call)
        self.metrics.refused(failure.code, call.transport)
        return failure

    @staticmethod
    def _stranger(scope: Scope, headers: dict[bytes, bytes], request_id: str) -> Call:
        return Call(request_id, Credential(None, host_of(headers)), address(scope), trace=trace_of(headers))

    def _call(self, scope: Scope, headers: dict[bytes, bytes], request_id: str) -> Call:
        credential, caller, language, explain, rehearse = self.heads.of(scope, headers, link=scope["path"] not in PATHS)
        trace = trace_of(headers) if b"traceparent" in headers else ""
        return Call(request_id, credential, caller.address, "http", language, caller, trace, explain, rehearse)


class NotReady(Exception):
    """A process that lives but should get no traffic; the message is shown to whoever asks."""


def create_app(settings: Settings, build: Build) -> App:
    """The application over what `build` opens: the runner, the sessions, the source of events."""
    return App(settings, build)


def _file(path: str) -> tuple[str, str] | None:
    """Which part of `Parts` sends the file at this path, and the id in it."""
    for part, pattern in FILES.items():
        if found := pattern.fullmatch(path):
            return part, found[1]
    return None


def _names(headers: dict[bytes, bytes]) -> list[str]:
    return [name for name, _ in media_types(headers.get(b"accept", b""))]
