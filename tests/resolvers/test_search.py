"""Search: the same answer that the lists would give, by words."""

from typing import Any

from souk.models import Listing, new_id
from souk.rules.actor import Actor, Role
from tests.world import World

FIND = """query($q: String!, $t: [SearchType!]) { search(query: $q, types: $t) { type rank node {
  id ... on Ticket { number } ... on Listing { title } ... on Dealer { name } ... on User { status } } } }"""


async def found(world: World, who: Role | Actor, query: str, types: list[str] | None = None) -> list[tuple[str, Any]]:
    rows = (await world.data(who, FIND, {"q": query, "t": types}))["search"]
    assert all(row["rank"] >= 0 for row in rows)
    return [(row["type"], {k: v for k, v in row["node"].items() if k != "id"}) for row in rows]


async def test_everything_is_found_by_those_who_may_read_its_words(world: World) -> None:
    for title, status in (("Quokka bike", "ACTIVE"), ("Quokka draft", "DRAFT")):
        await world.add(
            Listing(id=new_id(), dealer_id=world.dealer, kind="PRODUCT", status=status, title=title, currency="INR",
                    visibility="PUBLIC", negotiable=False, max_unlocks=1)
        )  # fmt: skip
    ticket = await world.do(Role.CUSTOMER, "ticketCreate", "ticket { id }", subject="My quokka", body="quokka quokka")
    id_ = ticket["ticket"]["id"]
    await world.do(Role.OPS, "commentAdd", "comment { id }", id=id_, body="numbat quokka", visibility="INTERNAL")
    public = [("LISTING", {"title": "Quokka bike"})]
    draft, words = ("LISTING", {"title": "Quokka draft"}), ("TICKET", {"number": 1})
    everything = {str(each) for each in (*public, draft, words)}
    for role in (Role.OWNER, Role.OPS):
        rows = await found(world, role, "quokka")
        assert {str(row) for row in rows} == everything, role
        assert len(rows) == 3, "a ticket found twice is one result"
    assert {str(row) for row in await found(world, Role.CUSTOMER, "quokka")} == {str(public[0]), str(words)}
    assert {str(row) for row in await found(world, Role.VIEWER, "quokka")} == {str(public[0]), str(draft)}
    assert await found(world, world.other_customer, "quokka") == public
    assert await found(world, Role.PUBLIC, "quokka") == public
    assert await found(world, Role.OPS, "quokka", ["TICKET"]) == [words]
    assert await found(world, Role.OPS, "quokka", []) == []
    assert await found(world, Role.OPS, "numbat") == [words]
    assert await found(world, Role.CUSTOMER, "numbat") == []


async def test_people_are_found_by_names_that_may_be_read_and_never_by_address(world: World) -> None:
    assert await found(world, Role.OWNER, "customer person") == [("USER", {"status": "ACTIVE"})]
    assert await found(world, Role.OPS, "customer person") == []
    assert await found(world, Role.SALES, "agent person") == [("USER", {"status": "ACTIVE"})]
    assert await found(world, Role.CUSTOMER, "customer person") == [("USER", {"status": "ACTIVE"})]
    assert await found(world, Role.CUSTOMER, "agent person") == []
    assert await found(world, Role.OWNER, "agent@example.com") == []


async def test_signs_find_nothing_and_nothing_breaks(world: World) -> None:
    for query in ("", "   ", "!!!", "'; DROP TABLE x; --", "a:* & | <->", '"unclosed', "-", "%", "\\"):
        rows = await found(world, Role.OWNER, query)
        assert rows == [] or query.startswith("a:"), query
    scoped = world.service("dealer:read")
    denied = await world.ask(scoped, FIND, {"q": "first"})
    assert denied["data"] == {"search": None}
