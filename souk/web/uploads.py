"""`POST /uploads`: the body is the file, streamed to where files are kept; its name comes in `content-disposition`."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import unquote

from souk.db.session import Database
from souk.engine.symbols import write_id
from souk.gateways.storage import Storage, TooLarge
from souk.models import new_id
from souk.permissions.base import may
from souk.resolvers.importing import upload_add, upload_begin
from souk.rules.actor import Actor
from souk.rules.errors import Refused
from souk.settings import Settings
from souk.web.errors import Code, Failure
from souk.web.gate import Disconnected, Receive, bad

CREATES = may("upload:create")
_NAME = re.compile(r"""filename\*=(?:utf-8|UTF-8)''([^;]+)|filename="([^"]*)"|filename=([^;\s]+)""")


class Uploads:
    """Takes files in, each in the name of whoever sends it."""

    def __init__(self, db: Database, files: Storage, settings: Settings) -> None:
        self.db, self.files, self.settings = db, files, settings

    async def take(self, actor: Actor, receive: Receive, headers: dict[bytes, bytes], request_id: str) -> str:
        """Keep the body of a request; gives the global id of the upload.

        Raises Failure: FORBIDDEN, BAD_REQUEST with 413 (too large), 408 (too slow), 400 (empty, no such name).
        """
        if not CREATES.admits(actor.facts):
            raise Failure(Code.FORBIDDEN, "You may not hand over files.", status=403)
        announced, limit = headers.get(b"content-length", b"0"), self.settings.upload_limit
        if not announced.isdigit():
            raise bad("content-length is not a number.")
        if len(announced) > 18 or int(announced) > limit:
            raise bad(f"A file may have {limit} bytes.", 413)
        id_ = new_id()
        async with self.db.transaction(actor, "uploadBegin", request_id=request_id) as tx:
            await upload_begin(tx, id_)
        try:
            async with asyncio.timeout(self.settings.upload_timeout):
                stored = await self.files.put(actor.tenant_id, id_, _chunks(receive), limit=limit)
        except TooLarge as problem:
            raise bad(str(problem), 413) from None
        except TimeoutError:
            raise bad("The file took too long to arrive.", 408) from None
        try:
            if stored.size == 0:
                raise bad("The file is empty.")
            async with self.db.transaction(actor, "uploadCreate", request_id=request_id) as tx:
                upload = await upload_add(
                    tx, id=id_, name=_name(headers), media_type=headers.get(b"content-type", b"").decode("latin-1"),
                    stored_as=stored.name, size=stored.size, sha256=stored.sha256, days=self.settings.upload_days,
                )  # fmt: skip
        except Refused as problem:
            await self.files.remove(stored.name)
            raise bad(problem.message) from None
        except BaseException:
            await self.files.remove(stored.name)
            raise
        return write_id("Upload", upload.id)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        if body := message.get("body", b""):
            yield body
        if not message.get("more_body"):
            return


def _name(headers: dict[bytes, bytes]) -> str:
    """The last part of the name that the client gives, or `upload.csv`."""
    found = _NAME.search(headers.get(b"content-disposition", b"").decode("latin-1"))
    given = (unquote(found[1]) if found[1] else found[2] or found[3] or "") if found else ""
    return re.split(r"[/\\]", given)[-1][:200] or "upload.csv"
