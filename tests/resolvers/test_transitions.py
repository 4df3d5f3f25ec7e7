"""`availableTransitions`: what follows from the state, whether this viewer may, and why not; alike on both roads."""

from souk.models import Listing, new_id
from souk.rules.actor import Role
from souk.schema.transitions import ways
from tests.world import World

ASK = "{ listings(orderBy: TITLE) { nodes { title availableTransitions { to mutation allowed reason } } } }"
STEPS = "{ dealers(orderBy: NAME, first: 1) { nodes { availableTransitions { to mutation allowed } } } }"


def listing(world: World, title: str, **more: object) -> Listing:
    given = {"status": "ACTIVE", "dealer_id": world.dealer, "visibility": "PUBLIC", "kind": "PRODUCT"} | more
    return Listing(id=new_id(), title=title, currency="INR", **given)


def test_the_ways_are_those_of_the_table_that_can_be_pulled() -> None:
    assert [(way.to, way.mutation, way.permissions) for way in ways("Listing", "ACTIVE")] == [
        ("PAUSED", "listingPause", ("listing:write",)),
        ("SUSPENDED", "listingModerate", ("listing:moderate",)),
        ("ARCHIVED", "listingArchive", ("listing:write",)),
    ]
    assert ways("Listing", "ARCHIVED") == ways("Listing", "RESERVED") == ()
    assert [(way.to, way.mutation) for way in ways("DealerStanding", "SUSPENDED")] == [
        ("TERMINATED", "dealerTerminate"),
        ("WATCH", "appealDecide"),
        ("RESTRICTED", "dealerReinstate"),
    ]
    assert "batchRollback" in {way.mutation for way in ways("Batch", "COMPLETED")}
    assert ways("Deal", "AWAITING_PAYMENT") == ()


async def test_each_viewer_sees_what_may_be_done_and_why_not(world: World) -> None:
    await world.add(
        listing(world, "A"), listing(world, "B", dealer_id=world.other_dealer), listing(world, "C", status="DRAFT")
    )
    ways_of = {}
    for role in (Role.OWNER, Role.OPS, Role.DEALER, Role.PUBLIC):
        nodes = (await world.data(role, ASK))["listings"]["nodes"]
        ways_of[role] = {n["title"]: [(t["to"], t["allowed"]) for t in n["availableTransitions"]] for n in nodes}
        for node in nodes:
            assert all((each["reason"] is None) == each["allowed"] for each in node["availableTransitions"])
    own, none = (
        [("PAUSED", True), ("SUSPENDED", False), ("ARCHIVED", True)],
        [("PAUSED", False), ("SUSPENDED", False), ("ARCHIVED", False)],
    )
    draft = [("PENDING_REVIEW", True), ("ARCHIVED", True)]
    assert ways_of[Role.OWNER]["A"] == [("PAUSED", True), ("SUSPENDED", True), ("ARCHIVED", True)]
    assert ways_of[Role.OPS]["A"] == [("PAUSED", False), ("SUSPENDED", True), ("ARCHIVED", False)]
    assert ways_of[Role.DEALER] == {"A": own, "B": none, "C": draft}
    assert ways_of[Role.PUBLIC] == {"A": none, "B": none}

    nodes = (await world.data(Role.OPS, ASK))["listings"]["nodes"]
    assert nodes[0]["availableTransitions"][0] == {
        "to": "PAUSED",
        "mutation": "listingPause",
        "allowed": False,
        "reason": "You may not change this listing.",
    }


async def test_a_dealer_has_two_machines_and_the_list_is_part_of_its_record(world: World) -> None:
    async def seen(role: Role) -> list[tuple[str, str, bool]]:
        (node,) = (await world.data(role, STEPS))["dealers"]["nodes"]
        return [(each["to"], each["mutation"], each["allowed"]) for each in node["availableTransitions"]]

    assert await seen(Role.OPS) == [
        ("REVOKED", "dealerReviewVerification", True),
        ("WATCH", "dealerSetStanding", True),
    ]
    assert await seen(Role.DEALER) == [
        ("REVOKED", "dealerReviewVerification", False),
        ("WATCH", "dealerSetStanding", False),
    ]
    refused = await world.ask(Role.AGENT, STEPS)
    assert refused["data"]["dealers"]["nodes"] == [{"availableTransitions": None}]
    assert refused["errors"][0]["path"] == ["dealers", "nodes", 0, "availableTransitions"]
