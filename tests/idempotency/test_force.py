"""The same key does a thing once, by force: every mutation that takes a key, as many at once as there are told to be."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from graphql import get_named_type
from sqlalchemy import text

from souk.db import idempotency
from souk.db.session import Database
from souk.rules import errors
from souk.rules.actor import Actor, Role
from souk.rules.errors import Refused, UserErrorCode
from souk.schema import schema
from tests.bazaar import rows_of
from tests.idempotency.cases import CASES, Call, Stage, team
from tests.resolvers.trade import a_listing, inr, offered
from tests.worker.conftest import worker_db
from tests.world import Souk, World, make_world

__all__ = ["worker_db"]
KEY = "one-and-the-same-key"
IN_FLIGHT, REUSED = "IDEMPOTENCY_IN_FLIGHT", "IDEMPOTENCY_KEY_REUSED"
KEYED = sorted(
    name
    for name, field in schema._schema.mutation_type.fields.items()  # type: ignore[union-attr]
    if "idempotencyKey" in get_named_type(field.args["input"].type).fields  # type: ignore[union-attr]
)
REQUIRED = frozenset(
    [
        "leadUnlock",
        "leadInvalidDecide",
        "creditTopUp",
        "creditAdjust",
        "offerCreate",
        "offerCounter",
        "offerAccept",
        "bidPlace",
        "auctionControl",
        "paymentCreate",
        "paymentCapture",
        "paymentVoid",
        "refundRequest",
        "refundDecide",
        "refundRetry",
        "payoutDecide",
        "payoutHold",
        "payoutRelease",
        "payoutRetry",
        "dealCancel",
        "dealDispute",
        "dealResolveDispute",
        "dealConfirmReceipt",
        "dealCancelFunded",
        "escrowFreeze",
        "escrowUnfreeze",
        "escrowOverride",
        "dealerAssignPlan",
        "subscriptionCancel",
        "batchCreate",
        "batchStart",
        "batchPause",
        "batchResume",
        "batchCancel",
        "batchDecide",
        "batchRetryFailed",
        "batchRollback",
        "notificationBroadcast",
        "exportCreate",
        "reportRequest",
    ]
)
"""What moves money, credits or a batch: no call without a key, from the first day."""


def test_every_mutation_with_a_key_is_declared_and_none_is_that_has_none() -> None:
    assert sorted(CASES) == KEYED


def test_a_key_is_required_where_money_credits_or_a_batch_move_and_taken_by_every_other_create() -> None:
    fields = schema._schema.mutation_type.fields  # type: ignore[union-attr]
    inputs = {name: get_named_type(field.args["input"].type).fields for name, field in fields.items()}  # type: ignore[union-attr]
    needs = {name for name, given in inputs.items() if str(getattr(given.get("idempotencyKey"), "type", "")) == "ID!"}
    assert needs == REQUIRED & set(fields)
    makes = {name for name in fields if name.endswith(("Create", "Add")) or name == "userInvite"}
    assert makes - set(KEYED) == set()


async def staged(souk: Souk, worker: Database, mutation: str) -> tuple[Stage, Call]:
    stage = Stage(await make_world(souk), worker)
    return stage, await CASES[mutation].make(stage)


async def call(world: World, who: Role | Actor, mutation: str, given: dict[str, Any], key: str = KEY) -> Any:
    """The payload without its entity, or what stopped the operation."""
    type_ = mutation[0].upper() + mutation[1:] + "Input"
    document = f"mutation($i: {type_}!) {{ {mutation}(input: $i) {{ idempotencyReplayed userErrors {{ code }} }} }}"
    found = await world.ask(who, document, {"i": {**given, "idempotencyKey": key}})
    return found["data"][mutation] if found.get("data") and found["data"][mutation] else found


def codes(payload: dict[str, Any]) -> list[str]:
    return [each["code"] for each in payload["userErrors"]]


def done(payload: Any, replayed: bool) -> bool:
    return payload == {"idempotencyReplayed": replayed, "userErrors": []}


async def effect(world: World, before: dict[str, int]) -> dict[str, int]:
    """The rows that there are more of, by table."""
    after = await rows_of(world.souk, world.tenant_id)
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def another(world: World, who: Role | Actor) -> Actor:
    """Another principal who may call the same."""
    actor = world.actor(who)
    match actor.role:
        case Role.DEALER:
            return world.other_dealer_actor
        case Role.CUSTOMER:
            return world.other_customer
        case Role.ADMIN:
            return world.actors[Role.OWNER]
    return world.actors[Role.ADMIN]


@pytest.mark.parametrize("mutation", KEYED)
async def test_the_same_key_at_once_has_one_effect_and_one_outcome(
    souk: Souk, worker_db: Database, mutation: str, size: Callable[[int, int], int]
) -> None:
    single, (who, given) = await staged(souk, worker_db, mutation)
    before = await rows_of(souk, single.world.tenant_id)
    assert done(await call(single.world, who, mutation, given), replayed=False)
    once = await effect(single.world, before)
    assert once["audit_event"] == 1 and once["idempotency_record"] == 1

    stage, (who, given) = await staged(souk, worker_db, mutation)
    before = await rows_of(souk, stage.world.tenant_id)
    many = size(10, 100)
    found = await asyncio.gather(*(call(stage.world, who, mutation, given) for _ in range(many)))
    assert await effect(stage.world, before) == once
    told = Counter(
        "done" if done(each, False) else "replayed" if done(each, True) else str(codes(each)) for each in found
    )
    assert told["done"] == 1
    assert set(told) <= {"done", "replayed", f"['{IN_FLIGHT}']"}, told
    again = await asyncio.gather(*(call(stage.world, who, mutation, given) for _ in range(3)))
    assert [done(each, replayed=True) for each in again] == [True] * 3
    assert await effect(stage.world, before) == once
    print(f"\n{mutation}: {dict(told)}")


@pytest.mark.parametrize("mutation", ["ticketCreate", "offerCreate", "batchCreate"])
async def test_without_the_lock_the_database_still_keeps_one_outcome(
    souk: Souk, worker_db: Database, mutation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LOCK", text("SELECT length(CAST(:whole AS text)) > 0"))
    single, (who, given) = await staged(souk, worker_db, mutation)
    before = await rows_of(souk, single.world.tenant_id)
    assert done(await call(single.world, who, mutation, given), replayed=False)
    once = await effect(single.world, before)
    stage, (who, given) = await staged(souk, worker_db, mutation)
    before = await rows_of(souk, stage.world.tenant_id)
    await asyncio.gather(*(call(stage.world, who, mutation, given) for _ in range(10)))
    assert await effect(stage.world, before) == once


@pytest.mark.parametrize("mutation", KEYED)
async def test_a_key_belongs_to_one_request_of_one_principal(souk: Souk, worker_db: Database, mutation: str) -> None:
    stage, (who, given) = await staged(souk, worker_db, mutation)
    world, other = stage.world, {**given, **CASES[mutation].other}
    assert other != given
    assert done(await call(world, who, mutation, given), replayed=False)
    before = await rows_of(souk, world.tenant_id)
    assert codes(await call(world, who, mutation, other)) == [REUSED]
    someone = "ticketCreate" if mutation != "ticketCreate" else "noteAdd"
    with_key = {"subject": "Hello there", "body": "x"} if someone == "ticketCreate" else {
        "id": world.id("Dealer", world.dealer), "body": "x"
    }  # fmt: skip
    elsewhere = await call(world, who, someone, with_key)
    assert "errors" in elsewhere or codes(elsewhere) == [REUSED], "another operation under the same key"
    assert await effect(world, before) in ({}, {"access_refusal": 1})

    theirs = await call(world, another(world, who), mutation, given)
    assert theirs["idempotencyReplayed"] is False
    assert not {IN_FLIGHT, REUSED} & set(codes(theirs)), "another principal's key of the same letters is another key"
    assert done(await call(world, who, mutation, given), replayed=True)


@pytest.mark.parametrize("mutation", KEYED)
async def test_a_replay_asks_todays_permissions(souk: Souk, worker_db: Database, mutation: str) -> None:
    """The same person, who has become a VIEWER meanwhile: the door is shut, the stored outcome stays inside."""
    stage, (who, given) = await staged(souk, worker_db, mutation)
    assert done(await call(stage.world, who, mutation, given), replayed=False)
    demoted = replace(stage.world.actor(who), role=Role.VIEWER, dealer_id=None)
    found = await call(stage.world, demoted, mutation, given)
    assert found["data"] == {mutation: None}
    assert [each["extensions"]["code"] for each in found["errors"]] == ["FORBIDDEN"]


async def test_a_replay_shows_the_entity_as_it_may_be_seen_today(world: World) -> None:
    given = {"subject": "Hello there", "body": "Hi.", "idempotencyKey": KEY}
    cc = [world.id("User", world.actors[Role.CUSTOMER].user_id)]  # type: ignore[arg-type]
    agent = replace(world.actors[Role.AGENT], all_teams=False)
    desk = await team(world, "Desk")
    made = await world.do(agent, "ticketCreate", "ticket { subject requester { id } }", **given, requesterId=cc[0])
    assert made == {"ticket": None, "userErrors": []}, "made for somebody else, and not of the agent's teams"
    shown = await world.do(
        replace(agent, all_teams=True),
        "ticketCreate",
        "ticket { subject } idempotencyReplayed",
        **given,
        requesterId=cc[0],
    )
    assert shown == {"ticket": {"subject": "Hello there"}, "idempotencyReplayed": True, "userErrors": []}
    assert desk.startswith("VGVhbT")
    hidden = await world.do(agent, "ticketCreate", "ticket { subject } idempotencyReplayed", **given, requesterId=cc[0])
    assert hidden == {"ticket": None, "idempotencyReplayed": True, "userErrors": []}
    assert await world.rows("SELECT count(*) FROM ticket") == [(1,)]


# Refusals -----------------------------------------------------------------------------------------------------------------

KEPT = {"INVALID_TRANSITION", "NOT_YOUR_TURN", "OFFER_EXPIRED", "NOT_UNIQUE"}


def test_the_refusals_that_are_kept_are_those_that_no_caller_cures() -> None:
    every = {
        each.code: each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, Refused) and each is not Refused
    }
    assert set(every) == set(UserErrorCode)
    assert {code.value for code in errors.STORED} == KEPT
    kept = {"UNIQUE": errors.NotUnique(), "TURN": errors.NotYourTurn(), "STALE": errors.StaleVersion(1)}
    assert {name: each.stored for name, each in kept.items()} == {"UNIQUE": True, "TURN": True, "STALE": False}


async def replayed(world: World, who: Role | Actor, mutation: str, given: dict[str, Any]) -> tuple[list[str], bool]:
    found = await call(world, who, mutation, given)
    return codes(found), found["idempotencyReplayed"]


async def test_a_refusal_that_stays_so_is_replayed_even_when_its_cause_is_gone(world: World) -> None:
    listing = await a_listing(world)
    gid = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    turn = {"id": gid, "amount": inr("600.00"), "expectedVersion": 1}
    assert await replayed(world, Role.CUSTOMER, "offerCounter", turn) == (["NOT_YOUR_TURN"], False)
    await world.do(
        Role.DEALER,
        "offerCounter",
        "offer { id }",
        id=gid,
        amount=inr("900.00"),
        expectedVersion=1,
        idempotencyKey=world.key(),
    )
    assert await replayed(world, Role.CUSTOMER, "offerCounter", turn) == (["NOT_YOUR_TURN"], True)

    world.now += timedelta(hours=73)
    late = {"id": gid, "expectedVersion": 2}
    assert await replayed(world, Role.CUSTOMER, "offerAccept", late) == ([REUSED], False)
    found = await call(world, Role.CUSTOMER, "offerAccept", late, key="another-key-of-theirs")
    again = await call(world, Role.CUSTOMER, "offerAccept", late, key="another-key-of-theirs")
    assert (codes(found), codes(again)) == (["OFFER_EXPIRED"], ["OFFER_EXPIRED"])
    assert (found["idempotencyReplayed"], again["idempotencyReplayed"]) == (False, True)

    await call(world, Role.ADMIN, "skuCreate", {"code": "S", "name": "Thing", "currencyCode": "INR"}, key=world.key())
    taken = {"code": "S", "name": "Other", "currencyCode": "INR"}
    assert await replayed(world, Role.ADMIN, "skuCreate", taken) == (["NOT_UNIQUE"], False)
    await world.rows("UPDATE sku SET code = 'T' RETURNING 1")
    assert await replayed(world, Role.ADMIN, "skuCreate", taken) == (["NOT_UNIQUE"], True)
    assert await world.rows("SELECT count(*) FROM sku") == [(1,)]
    assert await world.rows("SELECT count(*) FROM audit_event WHERE op = 'offerAccept'") == [(0,)]


async def test_a_refusal_that_the_caller_cures_leaves_the_key_free(world: World, worker_db: Database) -> None:
    gid = (await offered(world, Role.CUSTOMER, await a_listing(world), "500.00"))["offer"]["id"]
    given = {"id": gid, "amount": inr("900.00"), "expectedVersion": 7}
    assert await replayed(world, Role.DEALER, "offerCounter", given) == (["STALE_VERSION"], False)
    assert await replayed(world, Role.DEALER, "offerCounter", {**given, "expectedVersion": 1}) == ([], False)

    key = {"key": "a-key-for-what-is-wrong"}
    wrong = await call(world, Role.ADMIN, "skuCreate", {"code": " ", "name": "", "currencyCode": "INR"}, **key)
    assert set(codes(wrong)) == {"REQUIRED"}
    right = await call(world, Role.ADMIN, "skuCreate", {"code": "S", "name": "Thing", "currencyCode": "INR"}, **key)
    assert done(right, replayed=False)

    nowhere = {"id": world.id("Dealer", world.tenant_id), "body": "x"}
    assert await replayed(world, Role.SALES, "noteAdd", nowhere) == (["NOT_FOUND"], False)
    assert await replayed(world, Role.SALES, "noteAdd", {**nowhere, "id": world.id("Dealer", world.dealer)}) == (
        [],
        False,
    )
    owner = {"name": "X", "email": f"x@{world.tenant_id.hex}.example.com", "role": "OWNER"}
    assert await replayed(world, Role.ADMIN, "userInvite", owner) == (["FORBIDDEN"], False)
    assert await replayed(world, Role.ADMIN, "userInvite", {**owner, "role": "OPS"}) == ([], False)
    assert await world.rows("SELECT count(*) FROM idempotency_record WHERE key = :k", k=KEY) == [(3,)]


async def test_a_key_is_free_again_after_seven_days_and_has_its_length(world: World) -> None:
    given = {"id": world.id("Dealer", world.dealer), "body": "x"}
    assert done(await call(world, Role.SALES, "noteAdd", given), replayed=False)
    world.now += timedelta(days=6, hours=23)
    assert done(await call(world, Role.SALES, "noteAdd", given), replayed=True)
    world.now += timedelta(hours=2)
    assert done(await call(world, Role.SALES, "noteAdd", given), replayed=False)
    assert await world.rows("SELECT count(*) FROM note") == [(2,)]
    for key in ("x" * 15, "x" * 256, ""):
        assert codes(await call(world, Role.SALES, "noteAdd", given, key=key)) == ["OUT_OF_RANGE"]
    for key in ("x" * 16, "x" * 255):
        assert done(await call(world, Role.SALES, "noteAdd", given, key=key), replayed=False)
