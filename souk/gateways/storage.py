"""Where files are kept: by default a directory of this machine that API and workers share."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID


class TooLarge(Exception):
    """More bytes than were allowed; `limit` says how many that is."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A file may have {limit} bytes.")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is kept: its name in the storage, its length in bytes, the SHA-256 of its content."""

    name: str
    size: int
    sha256: bytes


class Storage(Protocol):
    """What keeps files. A name is made by whoever stores; nothing of a client's name is part of it."""

    async def put(self, tenant_id: UUID, file_id: UUID, chunks: AsyncIterable[bytes], *, limit: int) -> Stored:
        """Keep what comes, chunk by chunk. Raises TooLarge, and then keeps nothing; nor after any other exception."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Read it. Raises FileNotFoundError when it is no longer kept."""
        ...

    async def remove(self, name: str) -> None:
        """Keep it no longer; one that is not there is no error."""
        ...

    async def discard(self, tenant_id: UUID, file_id: UUID) -> None:
        """Keep nothing of a file whose `put` nobody saw the end of: neither the whole of it nor a part."""
        ...


class Directory:
    """Files under a directory, one folder per tenant. A file appears under its name only once it is whole."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def put(self, tenant_id: UUID, file_id: UUID, chunks: AsyncIterable[bytes], *, limit: int) -> Stored:
        name, size, digest = _name(tenant_id, file_id), 0, sha256()
        path = self.root / name
        draft = _draft(path)
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            with await asyncio.to_thread(draft.open, "xb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge(limit)
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(_flush, file)
            draft.rename(path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            raise
        return Stored(name, size, digest.digest())

    def open(self, name: str) -> BinaryIO:
        return self._path(name).open("rb")

    async def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(self._path(name).unlink)

    async def discard(self, tenant_id: UUID, file_id: UUID) -> None:
        path = self._path(_name(tenant_id, file_id))
        for each in (_draft(path), path):
            await asyncio.to_thread(each.unlink, missing_ok=True)

    def _path(self, name: str) -> Path:
        path = (self.root / name).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise FileNotFoundError(name)
        return path


def _name(tenant_id: UUID, file_id: UUID) -> str:
    return f"{tenant_id.hex}/{file_id.hex}"


def _draft(path: Path) -> Path:
    return path.with_suffix(".part")


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
