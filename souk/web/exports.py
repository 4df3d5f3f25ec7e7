"""`GET /exports/{batch}`: the file of an export, for whoever asked for it and for nobody else."""

import asyncio
import re
from typing import BinaryIO

from souk.db.session import Database
from souk.gateways.storage import Storage
from souk.permissions.export import ReadsExport
from souk.resolvers.export import Download, download_of
from souk.rules.actor import Actor
from souk.rules.errors import NotFound
from souk.web.errors import Code, Failure
from souk.web.gate import Send, bad
from souk.web.respond import headers_of, respond_file

PATH = re.compile(r"/exports/([A-Za-z0-9_=-]{1,200})")


class Exports:
    """Sends files out, chunk by chunk; meanwhile no connection of the database is held."""

    def __init__(self, db: Database, files: Storage) -> None:
        self.db, self.files = db, files

    async def send(
        self, actor: Actor, id: str, send: Send, request_id: str, *, head: bool = False, secure: bool = False
    ) -> None:
        """One answer with the file of the batch with this global id.

        Raises Failure: FORBIDDEN for a role that exports nothing, BAD_REQUEST with 404 (no such file, or not yet) and 410
        (it is no longer kept).
        """
        if not ReadsExport().admits(actor.facts):
            raise Failure(Code.FORBIDDEN, "You may not export.", status=403)
        try:
            async with self.db.transaction(actor, "exportDownload", request_id=request_id) as tx:
                found = await download_of(tx, id)
        except NotFound:
            raise bad("There is no such file.", 404) from None
        file = await asyncio.to_thread(self._opened, found)
        more = (
            (b"content-disposition", f'attachment; filename="{found.name}"'.encode()),
            (b"content-length", str(found.size).encode()),
            (b"vary", b"authorization, cookie"),
        )
        headers = headers_of(found.media_type.encode(), request_id, more=more, secure=secure)
        await respond_file(send, headers, file, request_id, head=head)

    def _opened(self, found: Download) -> BinaryIO:
        """The file, open: from here on it is sent whole, even where its time comes meanwhile."""
        try:
            if found.stored_as is None:
                raise FileNotFoundError
            return self.files.open(found.stored_as)
        except FileNotFoundError:
            raise bad("The file is no longer kept; export the list anew.", 410) from None
