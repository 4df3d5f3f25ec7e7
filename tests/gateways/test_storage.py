"""Files of a directory: whole or not there, bounded, and never outside of it."""

import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from souk.gateways.storage import Directory, Stored, TooLarge

TENANT, FILE = UUID(int=1), UUID(int=2)
NAME = f"{TENANT.hex}/{FILE.hex}"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_file_is_kept_as_it_came_and_can_be_taken_away(tmp_path: Path) -> None:
    storage = Directory(tmp_path)
    stored = await storage.put(TENANT, FILE, chunks(b"a,b\n", b"1,2\n"), limit=8)
    assert stored == Stored(NAME, 8, sha256(b"a,b\n1,2\n").digest())
    with storage.open(NAME) as file:
        assert file.read() == b"a,b\n1,2\n"
    await storage.remove(NAME)
    await storage.remove(NAME)
    with pytest.raises(FileNotFoundError):
        storage.open(NAME)


async def test_too_much_or_an_error_leaves_nothing(tmp_path: Path) -> None:
    storage = Directory(tmp_path)
    with pytest.raises(TooLarge):
        await storage.put(TENANT, FILE, chunks(b"1234", b"5"), limit=4)

    async def broken() -> AsyncIterator[bytes]:
        yield b"12"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await storage.put(TENANT, FILE, broken(), limit=4)
    assert [path for path in os.walk(tmp_path) if path[2]] == []


async def test_of_a_file_that_nobody_saw_the_end_of_nothing_is_kept(tmp_path: Path) -> None:
    storage, folder = Directory(tmp_path), tmp_path / TENANT.hex
    await storage.put(TENANT, FILE, chunks(b"1"), limit=8)
    await storage.put(TENANT, UUID(int=3), chunks(b"1"), limit=8)
    (folder / f"{FILE.hex}.part").write_bytes(b"half")
    for _ in range(2):
        await storage.discard(TENANT, FILE)
        assert [path.name for path in folder.iterdir()] == [UUID(int=3).hex]


async def test_no_name_leads_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    with pytest.raises(FileNotFoundError):
        Directory(tmp_path / "files").open("../secret")
