"""What an operator does by hand, on a database of its own: a tenant, its people's tokens, the check of the audit."""

import asyncio
import hashlib
import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from souk.cli import app
from tests.db.test_proof import recomputed

KEYS = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture
def command(own_database: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `souk …` in a thread (a command has an event loop of its own) and gives exit code and output."""
    monkeypatch.setenv("SOUK_DATABASE_URL", own_database)
    monkeypatch.setenv("SOUK_ENCRYPTION_KEYS", KEYS)
    monkeypatch.setenv("SOUK_DATA_DIR", str(scratch / "cli"))

    async def run(*arguments: str) -> tuple[int, str]:
        return await asyncio.to_thread(invoke, *arguments)

    return run


def invoke(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), pytest.raises(SystemExit) as end:
        app(list(arguments))
    return int(end.value.code or 0), said.getvalue().strip()


async def row(url: str, sql: str, *values: Any) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchrow(sql, *values)
    finally:
        await connection.close()


async def test_a_tenant_its_owner_and_a_token_that_opens_the_door(own_database: str, command: Any) -> None:
    code, said = await command("tenant", "create", "Blue Bazaar", "--owner", "Ann@Example.com")
    assert (code, said.splitlines()[0]) == (0, "blue-bazaar")
    again, said = await command("tenant", "create", "Blue Bazaar", "--owner", "ann@example.com")
    assert (again, said) == (1, "souk: Another tenant has this slug.")

    code, token = await command("token", "create", "--tenant", "blue-bazaar", "--user", "ann@example.com")
    assert code == 0 and token.startswith("souk_") and len(token) == 48
    door = "SELECT role, user_id, tenant_id FROM souk.session_by_hash($1)"
    found = await row(own_database, door, hashlib.sha256(token.encode()).digest())
    assert found["role"] == "OWNER"
    person = await row(own_database, "SELECT status, email, staff FROM app_user WHERE id = $1", found["user_id"])
    assert tuple(person) == ("ACTIVE", "Ann@example.com", True)
    money = await row(own_database, "SELECT four_eyes, severity_ref FROM tenant_settings")
    assert tuple(money) == ('{"INR": 5000000}', '{"INR": 1000000}')

    code, said = await command("audit", "verify", "--tenant", "blue-bazaar")
    assert (code, said.splitlines()[0]) == (0, "2 events, unbroken")


async def test_a_service_token_and_what_is_refused(own_database: str, command: Any) -> None:
    await command("tenant", "create", "Shop", "--owner", "ann@example.com", "--currency", "JPY")
    make = ("token", "create", "--tenant", "shop")
    code, token = await command(
        *make, "--service", "Feed", "--scope", "sku:write", "--scope", "sku:read", "--days", "7"
    )
    assert code == 0 and token.startswith("svc_")
    found = await row(
        own_database, "SELECT scopes FROM souk.token_by_hash($1)", hashlib.sha256(token.encode()).digest()
    )
    assert found["scopes"] == ["sku:read", "sku:write"]
    for arguments, said in [
        ((*make, "--service", "Feed", "--scope", "offer:create"), "offer:create is not a scope of service tokens."),
        ((*make, "--service", "Feed"), "a service token needs at least one --scope"),
        ((*make,), "name a person (--user) or a service (--service)"),
        ((*make, "--user", "bob@example.com"), "There is no such person."),
        ((*make, "--user", "ann@example.com", "--role", "OPS"), "The person does not have this role."),
        (("token", "create", "--tenant", "none", "--user", "ann@example.com"), "there is no tenant none"),
        (("tenant", "create", "Xy", "--owner", "nobody"), "This is not an e-mail address."),
        (
            ("tenant", "create", "Xy", "--owner", "a@example.com", "--timezone", "Mars"),
            "This is not an IANA time zone.",
        ),
        (("tenant", "create", "Xy", "--owner", "a@example.com", "--country", "India"), "A country has two letters."),
        (
            ("tenant", "create", "!!", "--owner", "a@example.com"),
            "A slug has 2 to 63 letters, digits and hyphens; this name gives none, so name one (--slug).",
        ),
    ]:
        assert await command(*arguments) == (1, f"souk: {said}"), arguments
    assert (await row(own_database, "SELECT count(*) FROM session"))[0] == 0


async def test_a_changed_audit_is_found(own_database: str, command: Any) -> None:
    await command("tenant", "create", "Shop", "--owner", "ann@example.com")
    await command("token", "create", "--tenant", "shop", "--user", "ann@example.com")
    connection = await asyncpg.connect(own_database)
    try:
        await connection.execute("ALTER TABLE audit_event DISABLE TRIGGER append_only")
        await connection.execute("UPDATE audit_event SET op = 'nothing' WHERE seq = 2")
    finally:
        await connection.close()
    assert await command("audit", "verify", "--tenant", "shop") == (1, "souk: the audit of shop is broken at event 2")


async def test_where_somebody_works_there_is_no_demo(own_database: str, command: Any, tmp_path: Any) -> None:
    await command("tenant", "create", "Shop", "--owner", "ann@example.com")
    for name in ("seed", "reset"):
        assert await command("demo", name) == (1, "souk: this database has tenants and none of them is a demo")
    assert (await row(own_database, "SELECT count(*) FROM tenant"))[0] == 1
    assert (await command("demo", "token", "--tenant", "pharos", "--role", "OPS"))[0] == 1


async def test_an_export_is_recomputed_elsewhere_and_its_head_found_again(
    own_database: str, command: Any, scratch: Path
) -> None:
    await command("tenant", "create", "Shop", "--owner", "ann@example.com")
    await command("token", "create", "--tenant", "shop", "--user", "ann@example.com")
    file = scratch / "audit.jsonl"
    assert await command("audit", "export", "--tenant", "shop", str(file)) == (0, "")
    assert recomputed(file.read_bytes().splitlines()) == 2
    assert await command("audit", "export", "--tenant", "shop", str(file)) == (1, f"souk: {file} is there already")

    code, said = await command("audit", "verify", "--tenant", "shop")
    head = said.splitlines()[1].removeprefix("head ")
    await command("token", "create", "--tenant", "shop", "--user", "ann@example.com")
    code, said = await command("audit", "verify", "--tenant", "shop", "--head", head)
    assert (code, said.splitlines()[0]) == (0, "3 events, unbroken")
    other = f"{head[:-1]}{'0' if head[-1] != '0' else '1'}"
    code, said = await command("audit", "verify", "--tenant", "shop", "--head", other)
    assert (code, said) == (1, "souk: the audit of shop is not the one of that head: event 2 differs")
    code, said = await command("audit", "verify", "--tenant", "shop", "--head", "nonsense")
    assert (code, said) == (1, "souk: a head is SEQ:HASH, as `souk audit verify` prints it")
