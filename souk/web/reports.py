"""`GET /batches/{id}/report.csv`: every cell that an import lost, or every item, streamed, for whoever sees the batch."""

import re

import structlog

from souk.db.session import Database
from souk.permissions.batch import SeesBatch
from souk.resolvers.report import PAGE, lines, report_of, report_page
from souk.rules.actor import Actor
from souk.rules.errors import NotFound
from souk.web.errors import Code, Failure
from souk.web.gate import Disconnected, Send, bad
from souk.web.respond import headers_of

PATH = re.compile(r"/batches/([A-Za-z0-9_=-]{1,200})/report\.csv")
log = structlog.get_logger("souk.web")


class Reports:
    """Sends reports out, page by page: between two pages no connection of the database is held."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def send(
        self, actor: Actor, id: str, send: Send, request_id: str, *, head: bool = False, secure: bool = False
    ) -> None:
        """One answer with the CSV of the batch with this global id. Raises Failure: FORBIDDEN, BAD_REQUEST with 404."""
        if not SeesBatch().admits(actor.facts):
            raise Failure(Code.FORBIDDEN, "You may not see batches.", status=403)
        try:
            async with self.db.transaction(actor, "batchReport", request_id=request_id) as tx:
                report = await report_of(tx, id)
                page = lines([report.header]) + await report_page(tx, report, 0)
        except NotFound:
            raise bad("There is no such batch.", 404) from None
        more = ((b"content-disposition", b'attachment; filename="report.csv"'), (b"vary", b"authorization"))
        headers = headers_of(b"text/csv", request_id, more=more, secure=secure)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for after in () if head else range(PAGE, report.last, PAGE):
            await send({"type": "http.response.body", "body": page.encode(), "more_body": True})
            try:
                async with self.db.transaction(actor, "batchReport", request_id=request_id) as tx:
                    page = await report_page(tx, report, after)
            except Exception as error:  # too late for another status: a body without its end tells it
                log.warning("a report broke off", request_id=request_id, error=type(error).__name__)
                raise Disconnected from error
        await send({"type": "http.response.body", "body": b"" if head else page.encode()})
