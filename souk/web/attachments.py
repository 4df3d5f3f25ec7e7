"""`GET /evidence/{id}/file`: the file that shows a price that was seen, for whoever sees that evidence."""

import asyncio
import re
from urllib.parse import quote

from souk.db.session import Database
from souk.gateways.storage import Storage
from souk.permissions.alert import SeesSnapshot
from souk.resolvers.alert.evidence import file_of_snapshot
from souk.rules.actor import Actor
from souk.rules.errors import NotFound
from souk.web.errors import Code, Failure
from souk.web.gate import Send, bad
from souk.web.respond import headers_of, respond_file

PATH = re.compile(r"/evidence/([A-Za-z0-9_=-]{1,200})/file")


class Attachments:
    """Sends files out, piece by piece, and never to be shown in a page of ours."""

    def __init__(self, db: Database, files: Storage) -> None:
        self.db, self.files = db, files

    async def send(
        self, actor: Actor, id: str, send: Send, request_id: str, *, head: bool = False, secure: bool = False
    ) -> None:
        """One answer with the file of the snapshot with this global id. Raises Failure: FORBIDDEN, BAD_REQUEST with 404."""
        if not SeesSnapshot().admits(actor.facts):
            raise Failure(Code.FORBIDDEN, "You may not see evidence.", status=403)
        try:
            async with self.db.transaction(actor, "evidenceFile", request_id=request_id) as tx:
                upload = await file_of_snapshot(tx, id)
            file = await asyncio.to_thread(self.files.open, upload.stored_as)
        except (NotFound, FileNotFoundError):
            raise bad("There is no such file.", 404) from None
        named = f"attachment; filename*=UTF-8''{quote(upload.name, safe='')}"
        more = ((b"content-disposition", named.encode()), (b"vary", b"authorization, cookie"))
        kind = upload.media_type.partition(";")[0].strip().lower().encode()  # one of a few known ones
        headers = headers_of(kind, request_id, more=more, secure=secure)
        await respond_file(send, headers, file, request_id, head=head)
