"""`souk documents`: a manifest is handed in from a file, listed, and what ships is checked."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from souk.documents.fused import LeftOver, left_over
from souk.documents.shipped import shipped
from souk.engine.fuse import Fuser
from souk.engine.symbols import NotFused
from souk.rules.actor import Role
from tests.cli.here import souk_here
from tests.documents.asking import NAMED
from tests.serving import KEYS
from tests.world import World

DESK = "query Desk { viewer { role } }"


async def here(database: str, *arguments: str) -> Result:
    given = {"database_url": database} if database else {}
    return await souk_here(*arguments, encryption_keys=KEYS, **given)


async def souk(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    environment = {**os.environ, "SOUK_ENCRYPTION_KEYS": KEYS, "COLUMNS": "240"}
    if database:
        environment["SOUK_DATABASE_URL"] = database
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
        refused = await here(database, "documents", "push", str(file), *given)
        assert refused.exit_code == 1 and words in refused.stderr and refused.stderr.count("\n") == 1
    assert await world.rows("SELECT 1 FROM operation_manifest") == []


LIMITS = "query Limits { viewer { rateLimit { remaining } } }"


async def test_what_ships_is_under_its_ceiling_and_fused(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: Callable[[int, int], int]
) -> None:
    """At small size a few of them: `make check` has looked at all."""
    some = dict(islice(shipped().items(), size(5, 45)))
    monkeypatch.setattr("souk.cli.documents.shipped", lambda: some)
    more = tmp_path / "Desk.graphql"
    more.write_text(f"# Ceiling: 1\n{DESK}")
    checked = await here(database, "documents", "check", str(more))
    said = f"{size(6, 46)} registered documents, each under its ceiling and fused for every role\n"
    assert (checked.exit_code, checked.stdout) == (0, said)


async def test_a_document_that_is_not_fused_fails_the_check_with_the_reason(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("souk.cli.documents.shipped", dict)  # what ships is checked above
    file = tmp_path / "Limits.graphql"
    file.write_text(f"# Ceiling: 1\n{LIMITS}")
    checked = await here(database, "documents", "check", str(file))
    assert (checked.exit_code, checked.stdout) == (1, "")
    assert checked.stderr.splitlines() == [
        "Limits: not fused (query) for everybody: Viewer.rateLimit",
        "souk: a registered document is not what it says",
    ]


def test_a_gap_of_the_compiler_is_told_for_each_role_that_it_concerns(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only some roles are shown, what only a mutation's payload selects, and what a subscription does."""
    asked = "query Floors { listings(first: 1) { nodes { floor { amount } } } }"
    assert left_over(asked) == []
    seen = (Role.OWNER, Role.ADMIN, Role.OPS, Role.SALES, Role.DEALER, Role.SERVICE)

    def broken(*_: Any) -> Any:
        raise NotFused("money is too hard")

    guarded = Fuser.guarded
    monkeypatch.setattr(
        Fuser, "guarded", lambda self, guard, *how: guarded(self, guard, *how[:-1], broken if guard else how[-1])
    )
    assert left_over(asked) == [LeftOver(role, "query", "money is too hard") for role in Role if role in seen]
    monkeypatch.undo()
    monkeypatch.setattr(Fuser, "row_object", broken)
    written, followed = left_over(NAMED["OfferCreate"].text), left_over(NAMED["BatchLive"].text)
    assert {(each.part, each.reason) for each in written} == {("offerCreate.offer: Offer", "money is too hard")}
    assert {(each.part, each.reason) for each in followed} == {("events", "money is too hard")}
    assert Role.OPS in {each.role for each in followed} and Role.PUBLIC not in {each.role for each in followed}


async def test_a_shipped_document_is_explained_without_a_database() -> None:
    one = NAMED["ListingDetail"]
    for wanted in (one.name, one.id, one.id.removeprefix("sha256:").upper()):
        told = await here("", "documents", "explain", wanted)
        assert told.exit_code == 0, told.stderr
        first, *rest = told.stdout.splitlines()
        assert first == f"ListingDetail {one.id}"
        assert rest[0] == "query ListingDetail as PUBLIC: 6 nodes, 1 points"
        assert "query: one statement, 2 parameters" in rest
        assert "  WHERE listing.id = $2::UUID" in told.stdout and "its plan:" not in told.stdout
    as_dealer = (await here("", "documents", "explain", one.name, "--role", "DEALER")).stdout
    assert "as DEALER" in as_dealer and "query: one statement, 3 parameters" in as_dealer
    assert "listing.dealer_id = $3::UUID" in as_dealer


async def test_a_mutation_is_explained_by_what_its_payload_reads() -> None:
    told = (await here("", "documents", "explain", "OfferCreate", "--role", "VIEWER")).stdout
    assert "mutation OfferCreate as VIEWER: 3 nodes, 1 points" in told
    assert "refused Mutation.offerCreate, for want of offer:create" in told
    assert "offerCreate.offer: Offer: one statement" in told
    told = (await here("", "documents", "explain", "SessionRevokeAll")).stdout
    assert told.splitlines()[-1] == "nothing is read besides what is written"


async def test_a_document_of_a_tenant_is_explained_with_its_plan(database: str, world: World, tmp_path: Path) -> None:
    slug = f"t-{world.tenant_id.hex[:12]}"
    asked = "query Mine($id: ID!) { listing(id: $id) { id floor { amount } } }"
    for version, documents in (("1", [asked, LIMITS]), ("2", [asked, LIMITS.replace("remaining", "limit")])):
        file = tmp_path / "manifest.json"
        file.write_text(json.dumps({sha256(each.encode()).hexdigest(): each for each in documents}))
        given = ("--tenant", slug, "--app", "desk", "--version", version, "--role", "VIEWER")
        assert (await here(database, "documents", "push", str(file), *given)).exit_code == 0
    hash_ = sha256(asked.encode()).hexdigest()
    for wanted in ("Mine", hash_):
        told = await here(database, "documents", "explain", wanted, "--tenant", slug)
        assert told.exit_code == 0, told.stderr
        lines = told.stdout.splitlines()
        assert lines[:2] == [f"Mine sha256:{hash_}", "query Mine as VIEWER: 1 nodes, 1 points"]
        assert lines[3] == "refused Listing.floor, for want of listing:readPrivate"
        assert "its plan:" in lines and "  CTE s" in lines
        assert any("Index" in line and "listing" in line for line in lines[lines.index("its plan:") :])
    given = ("--tenant", slug, "--variables")
    null = await here(database, "documents", "explain", "Mine", *given, json.dumps({"id": "no id"}))
    assert 'variables {"id": "no id"}' in null.stdout
    nothing = ("One-Time Filter: false", "(id IS NULL)")  # from PostgreSQL 17 on it is known before it is looked for
    assert any(each in null.stdout for each in nothing)
    assert await world.rows("SELECT 1 FROM audit_event WHERE op = 'documentsExplain'") == []

    limits = sha256(LIMITS.encode()).hexdigest()
    told = await here(database, "documents", "explain", limits, "--tenant", slug)
    assert told.stdout.splitlines()[-1] == "query: not fused, by the executor: Viewer.rateLimit"
    for wanted, more, words in (
        ("Limits", (), f"souk: several documents are called Limits: sha256:{limits}, sha256:"),
        ("Nowhere", (), f"souk: no registered document of {slug} is Nowhere; `souk documents list` shows them"),
        ("0" * 64, (), f"souk: no registered document of {slug} is {'0' * 64};"),
        ("Mine", ("--variables", "[]"), "souk: the variables are not a JSON object"),
        ("Mine", ("--variables", '{"id": 1.5}'), "souk: Mine: Variable '$id' has invalid value"),
    ):
        refused = await here(database, "documents", "explain", wanted, "--tenant", slug, *more)
        assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1), refused.stderr
        assert refused.stderr.startswith(words)
    nowhere = await here("", "documents", "explain", "Nowhere")
    assert (nowhere.exit_code, nowhere.stderr.count("\n")) == (1, 1) and "give --tenant" in nowhere.stderr
    elsewhere = await here(database, "documents", "explain", "Mine", "--tenant", "no-such")
    assert (elsewhere.exit_code, elsewhere.stderr) == (1, "souk: there is no tenant no-such\n")
