"""`souk documents`: a manifest is handed in from a file, listed, and what ships is checked."""

import asyncio
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from souk.rules.actor import Role
from tests.serving import KEYS
from tests.world import World

DESK = "query Desk { viewer { role } }"


async def souk(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SOUK_DATABASE_URL": database, "SOUK_ENCRYPTION_KEYS": KEYS, "COLUMNS": "240"}
    return await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "souk", *arguments], capture_output=True, text=True, env=environment
    )


async def test_a_file_is_pushed_and_listed(database: str, world: World, tmp_path: Path) -> None:
    slug = f"t-{world.tenant_id.hex[:12]}"
    file = tmp_path / "persisted-documents.json"
    hash_ = sha256(DESK.encode()).hexdigest()
    file.write_text(json.dumps({hash_: DESK}))
    given = ("--tenant", slug, "--app", "desk", "--version", "1.2.0", "--role", "OPS")
    done = await souk(database, "documents", "push", str(file), *given)
    assert (done.returncode, done.stdout) == (0, "desk 1.2.0 has 1 registered documents\n"), done.stderr
    asked = "{ persistedOperations { nodes { documentId name manifest { clientApp clientVersion ownerRole } } } }"
    assert (await world.data(Role.OWNER, asked))["persistedOperations"]["nodes"] == [
        {
            "documentId": f"sha256:{hash_}", "name": "Desk",
            "manifest": {"clientApp": "desk", "clientVersion": "1.2.0", "ownerRole": "OPS"},
        }
    ]  # fmt: skip
    listed = (await souk(database, "documents", "list", "--tenant", slug)).stdout.splitlines()
    assert any("ListingDetail" in line and "souk" in line for line in listed)
    (line,) = (line for line in listed if hash_ in line)
    assert line.split() == ["desk", "1.2.0", "OPS", "Desk", f"sha256:{hash_}", "1", "never"]


async def test_a_bad_file_is_one_line_and_registers_nothing(database: str, world: World, tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    given = ("--tenant", f"t-{world.tenant_id.hex[:12]}", "--app", "desk", "--version", "1")
    for content, words in (
        ("[", "is not JSON in UTF-8"),
        ('{"' + "0" * 64 + '": "x"}', "is not the SHA-256"),
        (None, "cannot be read"),
    ):
        file.write_text(content) if content else file.unlink()
        refused = await souk(database, "documents", "push", str(file), *given)
        assert refused.returncode == 1 and words in refused.stderr and refused.stderr.count("\n") == 1
    assert await world.rows("SELECT 1 FROM operation_manifest") == []


async def test_what_ships_is_under_its_ceiling(database: str) -> None:
    checked = await souk(database, "documents", "check")
    assert (checked.returncode, checked.stdout) == (0, "42 registered documents, each under its ceiling\n")
