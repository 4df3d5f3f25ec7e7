"""Where a count is taken from what the writes keep, and where rows are counted; both roads answer the same either way."""

from typing import Any

import pytest
from sqlalchemy import func, literal, or_, select, text
from sqlalchemy.orm import aliased

from benchmarks.peers.documents import DASHBOARD
from souk.engine import counts
from souk.engine.run import Runner
from souk.engine.symbols import Viewer, among
from souk.models import Listing, ListingAudience, Task, new_id
from souk.permissions.listing import SeesListing
from souk.rules.actor import Facts, Role
from souk.schema import schema
from tests.world import NOW, World

LISTS = """query Lists($status: [ListingStatus!], $open: [TaskStatus!]) {
  all: listings { totalCount }
  some: listings(filter: { status: $status, kind: PRODUCT }) { totalCount }
  tasks(filter: { status: $open }) { totalCount }
}"""


def listing(world: World, status: str, **more: Any) -> Listing:
    given = {
        "dealer_id": world.dealer,
        "kind": "PRODUCT",
        "title": "A listing",
        "currency": "INR",
        "visibility": "PUBLIC",
    }
    return Listing(**{"id": new_id(), "status": status, "max_unlocks": 3, **given, **more})


def statement(world: World, who: Role, document: str, variables: dict[str, Any] | None = None) -> str:
    """What a fresh process would ask."""
    runner = Runner(schema, world.souk.pool)
    made = runner.explain(document, variables, None, world.context(who)).sql
    assert made is not None
    return made


async def test_a_role_that_sees_all_has_its_dashboard_without_counting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = statement(world, Role.OWNER, DASHBOARD)
    assert made.count("sum(kept_count.n)") == 3
    assert "count(*)" not in made
    made = statement(world, Role.DEALER, DASHBOARD)
    assert made.count("count(*)") == 3
    assert "kept_count" not in made
    monkeypatch.setattr(counts, "_on", False)
    made = statement(world, Role.OWNER, DASHBOARD)
    assert made.count("count(*)") == 3
    assert "kept_count" not in made


async def test_they_are_the_numbers_of_rows_on_both_roads_for_every_role(world: World) -> None:
    rows = [listing(world, status) for status in ("DRAFT", "DRAFT", "ACTIVE", "PAUSED", "ACTIVE")]
    hidden = [listing(world, "ACTIVE", visibility="PRIVATE"), listing(world, "ACTIVE", deleted_at=NOW)]
    others = [listing(world, "ACTIVE", kind="VEHICLE", capacity=1, dealer_id=world.other_dealer)]
    tasks = [
        Task(id=new_id(), kind="REVIEW", status=each, title="A task", due_order=NOW)
        for each in ("TODO", "TODO", "BLOCKED")
    ]
    await world.add(*rows, *hidden, *others, *tasks)
    given = {"status": ["DRAFT", "ACTIVE"], "open": ["TODO"]}
    found = {}
    for role in world.actors:
        answer = (await world.ask(role, LISTS, given))["data"]  # holds both roads equal
        found[role] = tuple(each and each["totalCount"] for each in answer.values())
    assert found[Role.OWNER] == found[Role.VIEWER] == (7, 5, 2)
    assert found[Role.AGENT][:2] == found[Role.PUBLIC][:2] == (3, 2)
    assert found[Role.DEALER][:2] == (7, 5)
    await world.rows("UPDATE listing SET status = 'ARCHIVED' WHERE id = :id RETURNING id", id=rows[0].id)
    assert (await world.data(Role.OWNER, LISTS, given))["some"] == {"totalCount": 4}
    # what is published to everybody is a group too
    assert "kept_count" in statement(world, Role.PUBLIC, "{ listings { totalCount } }")


async def test_they_end_where_counting_ends(world: World) -> None:
    await world.rows(
        "INSERT INTO kept_count (tenant_id, subject, status, removed, folded, n) VALUES (:t, 'lead', 'NEW', false, false, 10002) RETURNING n",
        t=world.tenant_id,
    )
    answer = await world.souk.runner.answer("{ leads { totalCount } }", None, None, world.context(Role.OWNER))
    assert answer.body == b'{"data":{"leads":{"totalCount":10001}}}'


async def test_the_numbers_of_a_dashboard_that_have_no_money_are_kept_too(world: World) -> None:
    await world.add(
        listing(world, "ACTIVE"), listing(world, "PENDING_REVIEW"), listing(world, "ACTIVE", deleted_at=NOW)
    )
    document = "{ dashboardSummary { activeListings { value } listingsInReview { value } } }"
    made = statement(world, Role.OWNER, document)
    assert "FROM kept_count" in made
    assert "FROM listing" not in made
    found = await world.data(Role.OWNER, document)
    assert found["dashboardSummary"] == {"activeListings": {"value": 1}, "listingsInReview": {"value": 1}}


async def test_whatever_groups_do_not_know_is_counted() -> None:
    viewer = Viewer(Facts(Role.OWNER))
    sees, all_ = SeesListing().rows(viewer), select(Listing)
    meant = aliased(ListingAudience)
    assert counts.kept(all_) is not None
    assert (
        counts.kept(all_.where(sees, Listing.tenant_id == viewer.tenant_id, among(Listing.status, ["DRAFT"])))
        is not None
    )
    assert (
        counts.kept(all_.where(or_(Listing.kind == "PRODUCT", Listing.deleted_at.is_not(None))), Listing.status)
        is not None
    )
    for read in (
        all_.where(Listing.dealer_id == viewer.dealer_id),
        all_.where(Listing.deleted_at < NOW),
        all_.where(Listing.deleted_at.is_(None), Listing.city.is_(None)),
        all_.where(Listing.deleted_at.is_not_distinct_from(None)),
        all_.where(or_(Listing.status == "DRAFT", Listing.title == "A")),
        all_.where(func.lower(Listing.status) == "draft"),
        all_.where(Listing.status == "DRAFT", func.random() < literal(0.5)),
        all_.where(text("status = 'DRAFT'")),
        all_.where(select(meant.id).where(meant.listing_id == Listing.id).exists()),
        all_.join(meant, meant.listing_id == Listing.id),
        all_.where(meant.visibility == "A")
        if hasattr(meant, "visibility")
        else all_.where(meant.id == meant.listing_id),
        all_.limit(3),
        all_.offset(1),
        all_.distinct(),
        all_.group_by(Listing.id),
        select(aliased(Listing)),
        select(Listing.status),
        select(ListingAudience),
    ):
        assert counts.kept(read) is None, str(read)
    assert counts.kept(all_, Listing.city) is None
