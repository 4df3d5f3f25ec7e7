"""What the tests of offers, deals and leads set up: listings of the first dealer, and the writes in few words."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from souk.models import Listing, ListingAudience, new_id
from souk.rules.actor import Actor, Role
from tests.world import World

PRICE = 100_000


async def a_listing(world: World, audience: tuple[Actor, ...] = (), **given: Any) -> UUID:
    """An ACTIVE vehicle of the first dealer for 1,000.00 INR, unless said otherwise."""
    row: dict[str, Any] = {
        "id": new_id(), "dealer_id": world.dealer, "kind": "VEHICLE", "status": "ACTIVE", "title": "A motorcycle",
        "price_minor": PRICE, "currency": "INR", "visibility": "PUBLIC", "capacity": 1,
        "expires_at": world.now + timedelta(days=30),
    } | given  # fmt: skip
    if row["kind"] == "VEHICLE":
        row["capacity"] = 1
    rows: list[Any] = [Listing(**row)]
    for who in audience:
        me = {"dealer_id": who.dealer_id} if who.dealer_id else {"user_id": who.user_id}
        rows.append(ListingAudience(id=new_id(), listing_id=row["id"], **me))
    await world.add(*rows)
    return UUID(str(row["id"]))


def inr(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "INR"}


async def offered(
    world: World,
    who: Role | Actor,
    listing: UUID,
    amount: str,
    selection: str = "offer { id version status }",
    **given: Any,
) -> dict[str, Any]:
    """The payload of an offer."""
    more = {"idempotencyKey": world.key(), **given}
    return await world.do(
        who, "offerCreate", selection, listingId=world.id("Listing", listing), amount=inr(amount), **more
    )


async def answered(
    world: World, who: Role | Actor, act: str, id: str, version: int | None = None, selection: str = "", **given: Any
) -> dict[str, Any]:
    """The payload of offerCounter, offerAccept, offerReject or offerWithdraw."""
    if act in ("offerCounter", "offerAccept"):
        given.setdefault("idempotencyKey", world.key())
    if version is not None:
        given["expectedVersion"] = version
    if "amount" in given:
        given["amount"] = inr(given["amount"])
    shown = "deal { id status }" if act == "offerAccept" else "offer { id version status turn }"
    return await world.do(who, act, selection or shown, id=id, **given)


def codes(payload: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def refused_at_the_door(world: World, who: Role | Actor, mutation: str, **given: Any) -> None:
    """The first of the four refusals: the matrix has no letter for the role."""
    type_ = mutation[0].upper() + mutation[1:] + "Input"
    document = f"mutation($input: {type_}!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}"
    answer = await world.ask(who, document, {"input": given})
    assert answer["data"] == {mutation: None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


async def events_of(world: World, type_: str) -> list[Any]:
    """The events of a type: subject's state before and after."""
    return await world.rows(
        "SELECT from_status, to_status FROM domain_event WHERE type = :type ORDER BY subject_id, seq", type=type_
    )
