"""SKUs, policies, observations and sales through the batch engine: what they become, and nothing on the second run."""

import gzip
from datetime import datetime, timedelta
from typing import Any

import pytest

from souk.engine.symbols import write_id
from souk.rules.actor import Role
from souk.worker.bringing import begin, to_the_end, upload_file
from tests.resolvers.margin import statuses
from tests.worker.bringing import Bring, counts
from tests.world import World


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


GOODS = "id,no,name,mrp,price,shop,at\n"
SKUS = """
what = "SKUS"
name = "goods"
currency = "INR"
[fields.code]
from = "no"
[fields.name]
from = "name"
[fields.mrp]
from = "mrp"
"""
POLICIES = """
what = "PRICE_POLICIES"
name = "goods"
currency = "INR"
[constants]
kind = "MAP"
[fields.sku]
from = "no"
[fields.amount]
from = "mrp"
times = 0.9
[fields.valid_from]
from = "at"
"""
OBSERVATIONS = """
what = "PRICE_OBSERVATIONS"
name = "goods"
currency = "INR"
key = ["id"]
seller = "{seller}"
create = {create}
apart = {apart}
[fields.sku]
from = "no"
[fields.price]
from = "price"
[fields.list_price]
from = "mrp"
[fields.seller]
from = "shop"
[fields.captured_at]
from = "at"
"""


def seen(seller: str = "DEALER", create: str = '["SELLER"]', apart: str = "false") -> str:
    return OBSERVATIONS.format(seller=seller, create=create, apart=apart)


def lines(*rows: str) -> bytes:
    return (GOODS + "".join(f"{row}\n" for row in rows)).encode()


async def test_skus_are_made_changed_or_left_by_their_code(bring: Bring) -> None:
    world = bring.world
    file = lines("1,A,Thing A,1000,,,", "2,B,Thing B,,,,", "3,,Nameless,5,,,", "4,C,,7,,,")
    assert counts(await bring(file, SKUS)) == ("COMPLETED", 4, 2, 0, 0, 2, 0)
    held = "SELECT code, name, mrp_minor, version FROM sku ORDER BY code"
    assert await world.rows(held) == [("A", "Thing A", 100_000, 1), ("B", "Thing B", None, 1)]
    assert counts(await bring(file, SKUS)) == ("COMPLETED", 4, 0, 0, 2, 2, 0)
    file = lines("1,A,Thing A,1100,,,", "2,B,Thing B,,,,")
    assert counts(await bring(file, SKUS)) == ("COMPLETED", 2, 0, 1, 1, 0, 0)
    assert await world.rows(held) == [("A", "Thing A", 110_000, 2), ("B", "Thing B", None, 1)]
    other = counts(await bring(file, SKUS.replace("INR", "USD")))
    assert other == ("COMPLETED", 2, 0, 0, 0, 2, 0), "a SKU keeps its currency"


async def test_a_policy_is_a_row_of_versions_in_the_order_of_their_times(bring: Bring) -> None:
    world = bring.world
    await bring(lines("1,A,Thing A,,,,"), SKUS)
    file = lines(
        "1,A,,1000,,,2026-01-01T00:00:00Z", "2,A,,999.99,,,2026-02-01T00:00:00Z", "3,A,,1000,,,2026-02-10T00:00:00Z",
        "4,A,,999.99,,,2026-02-15T00:00:00Z", "5,A,,800,,,2026-02-16T00:00:00Z", "6,A,,,,,2026-04-01T00:00:00Z",
        "7,X,,1,,,2026-04-01T00:00:00Z",
    )  # fmt: skip
    # 899.991 is moved to 900.00, which is what 0.9 × 1000 is: nothing new is said
    assert counts(await bring(file, POLICIES)) == ("COMPLETED", 7, 1, 1, 3, 2, 0)
    said = "SELECT n, amount_minor, valid_from::date::text FROM price_policy_version ORDER BY n"
    assert await world.rows(said) == [(1, 90_000, "2026-01-01"), (2, 72_000, "2026-02-16")]
    assert await world.rows("SELECT head_version, amount_minor, version FROM price_policy") == [(2, 72_000, 1)]
    assert counts(await bring(file, POLICIES)) == ("COMPLETED", 7, 0, 0, 5, 2, 0)
    assert await world.rows(said) == [(1, 90_000, "2026-01-01"), (2, 72_000, "2026-02-16")]


async def test_observations_raise_repeat_and_cure_by_the_rule_of_live_ones(bring: Bring) -> None:
    world = bring.world
    await bring(lines("1,A,Thing A,1000,,,", "2,B,Thing B,1000,,,"), SKUS)
    await bring(lines("1,A,,1000,,,2026-01-01T00:00:00Z"), POLICIES)
    file = lines(
        "1,A,,1000,850,Second Motors,2026-03-02T00:00:00Z",  # a repeat: the next line came before it
        "2,A,,1000,880,second motors,2026-03-01T00:00:00Z",
        "3,A,,1000,900,Second Motors,2026-03-03T00:00:00Z",  # at the limit: cured
        "4,A,,1000,700,New Shop,2026-03-01T00:00:00Z",
        "5,A,,1000,,New Shop,2026-03-04T00:00:00Z",  # nothing to tell: it cures nothing
        "6,A,,,950,New Shop,2026-03-05T00:00:00Z",  # beside no list price neither
        "7,A,,1000,broken,New Shop,2026-03-06T00:00:00Z",
        "8,B,,1000,1,New Shop,2026-03-01T00:00:00Z",  # no policy
        "9,X,,1000,1,New Shop,2026-03-01T00:00:00Z",
        "10,A,,1000,1,New Shop,",
    )
    assert counts(await bring(gzip.compress(file), seen())) == ("COMPLETED", 10, 8, 0, 0, 2, 1)
    assert sorted(await statuses(world)) == [("OPEN", 1, 1), ("RESOLVED", 1, 3)]
    outcomes = "SELECT outcome, count(*), count(price_minor) FROM price_observation GROUP BY 1 ORDER BY 1"
    assert await world.rows(outcomes) == [("FOUND", 5, 5), ("INSUFFICIENT", 2, 1), ("PARSE_FAILED", 1, 0)]
    made = "SELECT name, verification, standing FROM dealer WHERE name NOT IN ('First Motors', 'Second Motors')"
    assert await world.rows(made) == [("New Shop", "UNVERIFIED", "WATCH")]
    query = (
        "{ alerts { nodes { evidenceChain { verified brokenAt } evidenceSnapshots { nodes { price { amount } } } } } }"
    )
    found = (await world.data(Role.OPS, query))["alerts"]["nodes"]
    assert all(node["evidenceChain"] == {"verified": True, "brokenAt": None} for node in found)
    seen_at = [[each["price"]["amount"] for each in node["evidenceSnapshots"]["nodes"]] for node in found]
    assert sorted(map(sorted, seen_at)) == [["700.00"], ["850.00", "880.00", "900.00"]]

    before = await world.rows("SELECT id, version, evidence_head FROM alert ORDER BY id")
    assert counts(await bring(file, seen())) == ("COMPLETED", 10, 0, 0, 8, 2, 1)
    assert await world.rows("SELECT id, version, evidence_head FROM alert ORDER BY id") == before
    assert await world.rows("SELECT count(*) FROM price_observation") == [(8,)]
    changed = counts(await bring(file.replace(b",850,", b",860,"), seen()))
    assert changed == ("COMPLETED", 10, 0, 0, 7, 3, 1), "what was seen is never changed"


async def test_a_competitor_is_held_against_our_price_and_a_failed_look_says_nothing(bring: Bring) -> None:
    world = bring.world
    await bring(lines("1,A,Thing A,1000,,,"), SKUS)
    mapping = seen("COMPETITOR") + '[fields.match]\nfrom = "name"\nwords = { maybe = "0.5" }\n'
    failed = [
        "{},A,,,,shop.example.com,2026-03-{}T00:00:00Z",
        "{},A,,1000,broken,shop.example.com,2026-03-{}T00:00:00Z",
    ]
    assert counts(await bring(lines(*(row.format(n, f"0{n}") for n, row in enumerate(failed, 1))), mapping)) == (
        "COMPLETED",
        2,
        2,
        0,
        0,
        0,
        1,
    )
    assert await statuses(world) == []
    file = lines("3,A,maybe,1000,850,shop.example.com,2026-03-03T00:00:00Z")
    assert counts(await bring(file, mapping)) == ("COMPLETED", 1, 1, 0, 0, 0, 0)
    assert await statuses(world) == [("OPEN", 1, 1)]
    assert counts(await bring(lines(*(row.format(n, n) for n, row in enumerate(failed, 11))), mapping)) == (
        "COMPLETED",
        2,
        2,
        0,
        0,
        0,
        1,
    )
    assert await statuses(world) == [("OPEN", 1, 1)]
    term = "SELECT kind, policy_minor, price_minor, jsonb_path_query_first(impact, '$.terms[*].inputs[4].values[0]') FROM alert"
    assert await world.rows(term) == [("COMPETITOR_UNDERCUT", 100_000, 85_000, "5000")]
    assert await world.rows("SELECT match_bp FROM price_observation WHERE outcome = 'FOUND'") == [(5_000,)]
    file = lines(
        "9,A,85 %,1000,1000,shop.example.com,2026-03-20T00:00:00Z", "8,A,2,1000,9,shop.example.com,2026-03-21T00:00:00Z"
    )
    assert counts(await bring(file, mapping))[1:3] == (2, 2)
    assert (await statuses(world))[0] == ("OPEN", 2, 3)


async def test_what_comes_late_is_evidence_and_moves_nothing(bring: Bring) -> None:
    world = bring.world
    await bring(lines("1,A,Thing A,1000,,,"), SKUS)
    await bring(lines("1,A,,1000,,,2026-01-01T00:00:00Z"), POLICIES)
    await bring(lines("1,A,,1000,850,Second Motors,2026-03-02T00:00:00Z"), seen())
    state = "SELECT status, cycle, price_minor, first_seen_at, last_seen_at FROM alert"
    before = await world.rows(state)
    late = lines("2,A,,1000,700,Second Motors,2026-03-01T00:00:00Z", "3,A,,1000,990,Second Motors,2026-02-28T00:00:00Z")
    assert counts(await bring(late, seen()))[:3] == ("COMPLETED", 2, 2)
    assert await world.rows(state) == before, "an older price neither deepens nor cures"
    assert await statuses(world) == [("OPEN", 1, 2)]
    await bring(lines("4,A,,1000,950,Second Motors,2026-03-03T00:00:00Z"), seen())
    resolved = await world.rows(state)
    await bring(lines("5,A,,1000,800,Second Motors,2026-03-02T12:00:00Z"), seen())
    assert await world.rows(state) == resolved, "what was cured meanwhile does not open again"
    assert resolved[0].status == "RESOLVED"


async def test_sellers_are_competitors_where_the_mapping_says_so(bring: Bring) -> None:
    world = bring.world
    await bring(lines("1,A,Thing A,1000,,,"), SKUS)
    file = lines(
        "1,A,,1000,850,Shop.Example.com,2026-03-01T00:00:00Z", "2,A,,1000,850,shop.example.com,2026-03-02T00:00:00Z",
        "3,A,,1000,850,California Électronics,2026-03-01T00:00:00Z", "4,B,,1000,850,店,2026-03-01T00:00:00Z",
    )  # fmt: skip
    assert counts(await bring(file, seen("COMPETITOR", "[]"))) == ("COMPLETED", 4, 0, 0, 0, 4, 0)
    assert counts(await bring(file, seen("COMPETITOR", '["SKU", "SELLER"]'))) == ("COMPLETED", 4, 4, 0, 0, 0, 0)
    domains = [domain for (domain,) in await world.rows("SELECT domain FROM competitor ORDER BY name")]
    assert domains[:2] == ["california-electronics.invalid", "shop.example.com"]
    assert domains[2].endswith(".invalid") and len(domains[2]) == 24
    shown = "SELECT count(*), count(DISTINCT competitor_id) FROM competitor_snapshot"
    assert await world.rows(shown) == [(4, 3)]


@pytest.mark.parametrize(("apart", "dealers"), [("true", 2), ("false", 1)])
async def test_names_are_told_apart_by_case_only_where_the_mapping_says_so(
    bring: Bring, apart: str, dealers: int
) -> None:
    file = lines("1,A,,9,8,ACME,2026-03-01T00:00:00Z", "2,A,,9,8,Acme,2026-03-01T00:00:00Z", "3,A,,9,8,Acme,")
    await bring(file, seen(create='["SKU", "SELLER"]', apart=apart))
    found = await bring.world.rows("SELECT count(DISTINCT dealer_id), count(*) FROM price_observation")
    assert found == [(dealers, 2)]


SALES = """
what = "SALES"
name = "shop"
currency = "INR"
timezone = "Asia/Kolkata"
[fields.sku]
from = "no"
[fields.units]
from = "id"
[fields.price]
from = "price"
[fields.captured_at]
from = "at"
"""


async def test_a_sale_below_the_limit_is_leakage_that_the_alert_adds_up(bring: Bring) -> None:
    world = bring.world
    await bring(lines("1,A,Thing A,1000,,,"), SKUS)
    await bring(lines("1,A,,1000,,,2026-01-01T00:00:00Z"), POLICIES)
    file = lines(
        "3,A,,,850,,01-03-2026 10:00", "2,A,,,880,,01-03-2026 11:00", "-2,A,,,880,,01-03-2026 11:30",
        "7,A,,,0,,01-03-2026 12:00", "4,A,,,900,,02-03-2026 12:00",
    )  # fmt: skip
    assert counts(await bring(file, SALES, world.dealer)) == ("COMPLETED", 5, 3, 0, 0, 2, 0)
    query = "{ alerts { nodes { status impact { terms { name amount { amount } } } } } }"
    (alert,) = (await world.data(Role.OPS, query))["alerts"]["nodes"]
    terms = {term["name"]: term["amount"]["amount"] for term in alert["impact"]["terms"]}
    # 3 × 50 + 2 × 20; the four at the limit bring back 4 × (20 − 0)
    assert (alert["status"], terms["OBSERVED_LEAKAGE"], terms["RECOVERED"]) == ("RESOLVED", "190.00", "80.00")
    assert counts(await bring(file, SALES, world.dealer)) == ("COMPLETED", 5, 0, 0, 3, 2, 0)
    assert await world.rows("SELECT count(*), sum(units) FROM evidence_sale_row") == [(3, 9)]


async def test_many_at_once_decide_as_one_by_one(bring: Bring) -> None:
    """The same prices, one file each or all in one: the same alerts, cycles, evidence and costs."""
    world, start = bring.world, datetime.fromisoformat("2026-01-05T00:00:00+00:00")
    for code in ("A", "B"):
        await bring(lines(f"1,{code},Thing,1000,,,"), SKUS)
        await bring(lines(f"1,{code},,1000,,,2026-01-01T00:00:00Z"), POLICIES)
    prices = [850, 840, 900, 905, 899, 700, 950, 899, 901, 650, 899, 900, 899]
    days = [0, 1, 2, 3, 4, 5, 5, 8, 9, 50, 51, 52, 90]
    rows = [
        f"{{code}}{n},{{code}},,1000,{price},Second Motors,{(start + timedelta(days=day)).isoformat()}"
        for n, (price, day) in enumerate(zip(prices, days, strict=True))
    ]
    await bring(lines(*(row.format(code="A") for row in rows)), seen())
    for row in rows:
        await bring(lines(row.format(code="B")), seen())
    told = (
        "SELECT a.status, a.cycle, a.price_minor, a.first_seen_at, a.last_seen_at, a.resolved_at, a.score_tenths,"
        " a.impact_minor, (SELECT array_agg(e.price_minor ORDER BY n) FROM evidence_snapshot e WHERE e.alert_id = a.id)"
        " FROM alert a JOIN sku s ON s.id = a.sku_id WHERE s.code = :code ORDER BY a.first_seen_at"
    )
    at_once = await world.rows(told, code="A")
    assert at_once == await world.rows(told, code="B")
    assert [(row.status, row.cycle) for row in at_once] == [("RESOLVED", 3), ("RESOLVED", 1), ("OPEN", 1)]
    events = (
        "SELECT e.type, count(*) FROM domain_event e JOIN alert a ON a.id = e.subject_id JOIN sku s ON s.id = a.sku_id"
        " WHERE s.code = :code GROUP BY 1 ORDER BY 1"
    )
    assert await world.rows(events, code="A") == await world.rows(events, code="B")


async def preview(world: World, bring: Bring, role: Role, mapping: str, **plan: Any) -> Any:
    app, _, files = bring.doors
    path = bring.path / "goods.csv"
    path.write_bytes(lines("1,A,Thing A,1000,850,Second Motors,2026-03-01T00:00:00Z"))
    upload = await upload_file(app, files, world.tenant_id, path, now=world.now, limit=10_000)
    given = {"kind": "IMPORT", "selection": {"uploadId": write_id("Upload", upload.id)}}
    world.souk.app.files = files
    return await world.do(role, "batchPreview", "preview { total }", **given, plan={"mapping": mapping, **plan})


@pytest.mark.parametrize(
    ("role", "mapping", "plan", "refused"),
    [
        (Role.ADMIN, SKUS, {"what": "SKUS"}, []),
        (Role.OPS, SKUS, {}, ["FORBIDDEN"]),
        (Role.OPS, POLICIES, {}, ["FORBIDDEN"]),
        (Role.ADMIN, POLICIES, {}, []),
        (Role.OPS, seen(create="[]"), {"what": "PRICE_OBSERVATIONS"}, []),
        (Role.OPS, seen(create='["SKU"]'), {}, ["FORBIDDEN"]),
        (Role.DEALER, seen(create="[]"), {}, ["FORBIDDEN"]),
        (Role.ADMIN, SKUS, {"what": "SALES"}, ["INVALID"]),
        (Role.ADMIN, SALES, {}, ["REQUIRED"]),
    ],
)
async def test_who_may_bring_in_what(bring: Bring, role: Role, mapping: str, plan: Any, refused: list[str]) -> None:
    answer = await preview(bring.world, bring, role, mapping, **plan)
    assert [each["code"] for each in answer["userErrors"]] == refused
    assert answer["preview"] == (None if refused else {"total": 1})


async def test_whoever_lost_the_right_meanwhile_brings_nothing_in(bring: Bring) -> None:
    """A batch that an administrator begins and works off after becoming OPS, who may not write policies."""
    world = bring.world
    app, worker, files = bring.doors
    path = bring.path / "goods.csv"
    path.write_bytes(lines("1,A,Thing A,1000,850,Second Motors,2026-03-01T00:00:00Z"))
    upload = await upload_file(app, files, world.tenant_id, path, now=world.now, limit=10_000)
    batch = await begin(app, world.tenant_id, upload, POLICIES, now=world.now)
    starter = world.actor(Role.OPS).user_id
    await world.rows("UPDATE batch SET starter_id = :who RETURNING 1", who=starter)
    await to_the_end(worker, world.tenant_id, batch, now=world.now)
    assert await world.rows("SELECT status, error_code FROM batch_item") == [("SKIPPED", "FORBIDDEN")]
    assert await world.rows("SELECT count(*) FROM price_policy") == [(0,)]
