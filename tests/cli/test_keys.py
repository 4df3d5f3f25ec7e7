"""A change of the encryption keys, step by step as the runbook has it, with something sealed in every kind of place."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from souk.db.sealing import Keyring
from souk.resolvers.resealing import sealed_columns, tables
from souk.rules.actor import Role
from tests import world as worlds
from tests.cli.test_tenant import command as command
from tests.resolvers.listings import add
from tests.resolvers.listings import listing as make
from tests.resolvers.proving import code_of, enrolled, with_session
from tests.world import NOW, Souk, World, make_world

OLD, NEW = Keyring.generate("k1"), Keyring.generate("k2")
PHONE, EMAIL = "+919812345678", "Asker@Example.com"


@pytest_asyncio.fixture
async def sealed(own_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A tenant whose secrets are sealed under the old key."""
    monkeypatch.setattr(worlds, "KEYRING", Keyring(OLD))
    souk = Souk.open(own_database)
    yield await make_world(souk, "keys")
    await souk.close()


async def sees(world: World, keys: str) -> list[Any]:
    """What a process with these keys opens: a lead's contact, a registration number."""
    keyring, runner = Keyring(keys), world.souk.runner
    runner.decrypt = keyring.open
    asked = """{ leads { nodes { contact { ... on LeadContactOpen { name phone email } } } }
      listings(filter: {status: [DRAFT]}) { nodes { vehicle { registrationNumber } } } }"""
    found = await world.data(Role.OWNER, asked)
    detail = found["listings"]["nodes"][0]["vehicle"]
    return [found["leads"]["nodes"][0]["contact"], detail["registrationNumber"]]


async def under(world: World) -> set[bytes]:
    """The ids of the keys that anything of the tenant, or any account, is sealed under."""
    found = set()
    for table in tables():
        for column in sealed_columns(table):
            for (value,) in await world.rows(f"SELECT {column} FROM {table.name} WHERE {column} IS NOT NULL"):
                found.add(value[1 : 1 + value[0]])
    for (value,) in await world.rows("SELECT mfa_secret_enc FROM account WHERE mfa_secret_enc IS NOT NULL"):
        found.add(value[1 : 1 + value[0]])
    return found


async def test_keys_are_changed_and_nothing_is_lost(
    sealed: World, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sealed
    live = make(world, "live", dealer_id=world.dealer)
    draft = make(world, "draft", dealer_id=world.dealer, status="DRAFT", kind="VEHICLE", capacity=1)
    await add(world, live, draft)
    number = await world.do(
        Role.OWNER, "listingUpdate", "listing { id }", id=world.id("Listing", draft.id), expectedVersion=1,
        vehicle={"registrationNumber": "MH 12 AB 1234"},
    )  # fmt: skip
    assert number["userErrors"] == []
    asked = await world.do(
        Role.CUSTOMER, "leadCreate", "lead { id }", listingId=world.id("Listing", live.id), name="Asker", phone=PHONE, email=EMAIL
    )  # fmt: skip
    assert asked["userErrors"] == []
    await world.do(Role.PUBLIC, "otpRequest", "challengeId", email="somebody@example.com")
    admin = await with_session(world, Role.ADMIN)
    secret, _ = await enrolled(world, admin)
    whole = [{"name": "Asker", "phone": PHONE, "email": EMAIL.split("@")[0] + "@example.com"}, "MH 12 AB 1234"]
    assert await sees(world, OLD) == whole
    assert await under(world) == {b"k1"}
    hashes = "SELECT phone_hash, email_hash FROM lead"
    before = await world.rows(hashes)

    monkeypatch.setenv("SOUK_ENCRYPTION_KEYS", f"{NEW},{OLD}")
    assert await sees(world, f"{NEW},{OLD}") == whole, "before anything is sealed anew"
    code, said = await command("keys", "reseal", "--tenant", "keys")
    assert code == 0, said
    assert {"account: 1 renewed", "lead: 1 renewed", "vehicle_detail: 1 renewed", "letter: 1 renewed"} <= set(
        said.splitlines()
    )
    assert await under(world) == {b"k2"}
    assert await world.rows(hashes) == before, "the last key still makes the hashes"
    code, said = await command("keys", "reseal", "--tenant", "keys")
    assert {line.split(": ")[1] for line in said.splitlines()} == {"0 renewed"}

    monkeypatch.setenv("SOUK_ENCRYPTION_KEYS", NEW)
    code, said = await command("keys", "reseal", "--tenant", "keys")
    assert code == 0, said
    assert await sees(world, NEW) == whole
    keyring = Keyring(NEW)
    assert await world.rows(hashes) == [(keyring.hash(PHONE), keyring.hash(EMAIL.lower()))]
    assert await world.rows(
        "SELECT registration_hash FROM vehicle_detail WHERE registration_number_enc IS NOT NULL"
    ) == [(keyring.hash("MH12AB1234"),)]
    world.souk.app.keyring = keyring
    world.now = NOW.replace(minute=1)
    assert (await world.do(admin, "mfaVerify", "provenUntil", code=code_of(secret, world.now)))["userErrors"] == []
    assert await world.rows("SELECT count(*) > 0 FROM audit_event WHERE op = 'keysReseal'") == [(True,)]
    code, said = await command("audit", "verify", "--tenant", "keys")
    assert code == 0, said


async def test_a_key_that_was_dropped_too_early_is_named(
    sealed: World, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed.do(Role.PUBLIC, "otpRequest", "challengeId", email="somebody@example.com")
    monkeypatch.setenv("SOUK_ENCRYPTION_KEYS", NEW)
    code, said = await command("keys", "reseal", "--tenant", "keys")
    assert (code, said.splitlines()[-1]) == (
        1, "souk: something is sealed under the key k1, which is not in SOUK_ENCRYPTION_KEYS",
    )  # fmt: skip
    assert await under(sealed) == {b"k1"}


async def test_a_new_key_is_printed(command: Any) -> None:
    code, said = await command("keys", "new", "k2026b")
    assert code == 0
    assert said.startswith("k2026b:")
    Keyring(said)
    code, said = await command("keys", "new", "no word")
    assert (code, said) == (1, "souk: the id of a key is a word")
