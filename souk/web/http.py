"""GraphQL over HTTP: POST and GET, both media types, and event streams for those who accept them."""

from dataclasses import replace
from functools import lru_cache

from graphql import OperationType

from souk.engine.deadlines import Deadlines
from souk.rules.actor import Actor
from souk.web.carriers import set_cookie
from souk.web.errors import Code, Failure, failure_of, internal, retry_after
from souk.web.etags import KEPT, etag_of, holds
from souk.web.gate import (
    GraphQLRequest,
    Receive,
    Scope,
    Send,
    bad,
    graphql_request,
    load_json,
    media_types,
    query_string_request,
    read_body,
)
from souk.web.guard import Asked
from souk.web.operations import Operations, Result, log, refused
from souk.web.parts import Call
from souk.web.respond import EVENT_STREAM, GRAPHQL_JSON, JSON, MULTIPART, headers_of, not_modified, respond
from souk.web.streams import Events, Parts, Stream, Streams

VARY = (b"vary", b"accept, authorization, cookie")
ALLOW = ((b"allow", b"GET, POST"),)
_ACCEPTED = {
    "application/graphql-response+json": GRAPHQL_JSON,
    "application/json": JSON,
    "application/*": JSON,
    "*/*": JSON,
    "text/event-stream": EVENT_STREAM,
    "multipart/mixed": MULTIPART,
}
FORMS: dict[bytes, type[Events] | type[Parts]] = {EVENT_STREAM: Events, MULTIPART: Parts}


@lru_cache(maxsize=512)
def accepted(header: bytes | None) -> bytes | None:
    """The media type to answer in, None if there is none; without the header the one every client knows."""
    if not header:
        return JSON
    for name, parameters in media_types(header):
        if name == "multipart/mixed" and parameters.get("subscriptionspec", "").strip('"') != "1.0":
            continue
        if name in _ACCEPTED and parameters.get("charset", "utf-8") in ("utf-8", "utf8"):
            return _ACCEPTED[name]
    return None


@lru_cache(maxsize=512)
def unreadable(content_type: bytes, encoding: bytes) -> str | None:
    """Why a body of this kind is not read; None if it is."""
    types = media_types(content_type)
    if [name for name, _ in types] != ["application/json"]:
        return "The content type must be application/json."
    if types[0][1].get("charset", "utf-8") not in ("utf-8", "utf8"):
        return "The charset must be utf-8."
    return None if encoding == b"identity" else "Compressed requests are not supported."


def check_rehearsal(asked: Asked) -> None:
    """Raises Failure (BAD_REQUEST): a dry run is of one mutation."""
    if asked.kind is not OperationType.MUTATION:
        raise bad("Only a mutation has a dry run.")
    if asked.fields != 1:
        raise bad("A dry run is of one mutation; send them one by one.")


class GraphQLOverHTTP:
    """One request at `/graphql`."""

    def __init__(self, operations: Operations, streams: Streams) -> None:
        self.operations, self.streams, self.settings = operations, streams, operations.settings
        self.bodies = Deadlines(self.settings.body_timeout)

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], call: Call
    ) -> None:
        media = accepted(headers.get(b"accept"))
        actor: Actor | None = None
        registered = False
        try:
            if scope["method"] not in ("GET", "POST"):
                raise Failure(Code.BAD_REQUEST, "Use GET or POST.", status=405, headers=ALLOW)
            if media is None:
                raise bad("Accept application/graphql-response+json or application/json.", 406)
            request = await self._request(scope, receive, headers)
            actor = await self.operations.parts.sessions.actor(call.credential)
            request = await self.operations.document(request, actor, call)
            registered = request.registered
            asked = self.operations.check(request)
            kind = asked.kind
            if scope["method"] == "GET" and kind is OperationType.MUTATION:
                raise Failure(
                    Code.OPERATION_NOT_ALLOWED,
                    "Mutations are sent by POST.",
                    status=405,
                    headers=((b"allow", b"POST"),),
                )
            if call.rehearse:
                check_rehearsal(asked)
            if call.explain:
                result = await self.operations.explain(request, asked, actor, call)
                await self.send(send, result, self._plain(media), call)
                return
            if media is EVENT_STREAM or (media is MULTIPART and kind is OperationType.SUBSCRIPTION):
                form = FORMS[media]
                call = replace(call, transport=form.transport)
                stream = Stream(self.operations, self.streams, request, asked, actor, call, form)
                await stream.serve(receive, send)
                return
            if kind is OperationType.SUBSCRIPTION:
                raise Failure(
                    Code.OPERATION_NOT_ALLOWED,
                    "Subscriptions are served as event streams and over sockets.",
                    status=400,
                )
            result = await self.operations.answer(request, asked, actor, call)
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                log.error("failed", request_id=call.request_id, exc_info=error)
                failure = internal()
            result = refused(await self.operations.refuse(failure, actor, call), call)
        tagged = scope if scope["method"] == "GET" and registered else None
        await self.send(send, result, self._plain(media), call, tagged)

    async def _request(self, scope: Scope, receive: Receive, headers: dict[bytes, bytes]) -> GraphQLRequest:
        if scope["method"] == "GET":
            return query_string_request(scope["query_string"])
        if wrong := unreadable(headers.get(b"content-type", b""), headers.get(b"content-encoding", b"identity")):
            raise bad(wrong, 415)
        body = await read_body(receive, headers, self.settings.body_limit, self.bodies)
        return graphql_request(load_json(body))

    @staticmethod
    def _plain(media: bytes | None) -> bytes:
        """The media type of an answer that is one JSON document; clients of multipart know `application/json`."""
        return GRAPHQL_JSON if media is None or media is EVENT_STREAM else JSON if media is MULTIPART else media

    async def send(self, send: Send, result: Result, media: bytes, call: Call, tagged: Scope | None = None) -> None:
        """`tagged` is the request whose answer carries a tag, where it has data and no errors."""
        failure, secure = result.failure, not self.settings.development
        if tagged is None and result.plain:
            more = (VARY,) if result.charge is None else (VARY, *result.charge.headers())
            await respond(send, 200, headers_of(media, call.request_id, more=more, secure=secure), result.told.body)
            return
        status = result.status
        if status == 400 and media is JSON and (failure is None or failure.about_document):
            status = 200  # the request was well-formed: in this media type the errors alone tell what is wrong
        etag = b""
        if tagged is not None and status == 200 and failure is None and not result.told.errors:
            etag = etag_of(media, result.told.body)
        told = [*KEPT, (b"etag", etag)] if etag else [VARY]
        told += failure.headers if failure else ()
        if result.cookie is not None:
            told.append((b"set-cookie", set_cookie(result.cookie, self.settings)))
        if result.charge is not None:
            told += result.charge.headers()
        told += retry_after(result.retry_after_ms)
        headers = headers_of(media, call.request_id, more=tuple(told), secure=secure)
        if etag and tagged is not None and holds(tagged, etag):
            await not_modified(send, headers)
            return
        await respond(send, status, headers, result.told.body)
