"""Public price and sale files through the product, beside worked answers: `python -m benchmarks.real_data DIR [which …]`.

DIR holds `prices/`, `sales/` and `expected_examples/`; `which` are of flipkart, shopee, electronics, open_prices, retail, all
by default. Each file is brought in by a mapping of `benchmarks/mappings` on an embedded PostgreSQL, by the import that
clients use; then what the database holds is compared to the minor unit. A line per figure says OK or DIFF; a DIFF fails.
"""

import asyncio
import csv
import gzip
import json
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.ground import Ground, ground
from souk.resolvers.evidence import rehashed
from souk.rules.money import CURRENCY_DIGITS

DIFFERS: list[str] = []


def same(name: str, found: Any, expected: Any) -> None:
    """One figure beside its worked answer."""
    if found != expected:
        DIFFERS.append(name)
    print(f"  {'OK  ' if found == expected else 'DIFF'} {name}: {_short(found)}", flush=True)
    if found != expected:
        print(f"       expected {_short(expected)}")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 150 else f"{text[:147]}…"


def amount(minor: Any, currency: str) -> str:
    """As the worked answers write it: no zeros that say nothing."""
    text = f"{Decimal(int(minor)).scaleb(-CURRENCY_DIGITS[currency]):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


async def bring(on: Ground, path: Path, mapping: str, *, seller: bool = True) -> Any:
    """Bring a file in twice; the second time must change nothing."""
    first = await on.bring(path, mapping, seller=seller)
    print(
        f"  {path.name} by {mapping}: {first.rows} rows, {first.imported} new, {first.updated} changed, "
        f"{first.unchanged} unchanged, {first.refused} refused, {first.warnings} warnings, "
        f"{first.rows / max(first.seconds, 0.001):.0f} rows/s",
        flush=True,
    )
    same(f"{mapping}: all rows settled", first.imported + first.updated + first.unchanged + first.refused, first.rows)
    return first


async def reasons(on: Ground, batch: Any) -> None:
    """Why rows were refused or lost a cell."""
    found = await on.rows(
        "SELECT i.outcome, w ->> 'column', w ->> 'reason', count(*) FROM batch_item i, jsonb_array_elements(i.warnings) w"
        " WHERE i.tenant_id = :tenant AND i.batch_id = :batch GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 8",
        batch=batch.batch_id,
    )
    for outcome, column, reason, count in found:
        print(f"       {count} × {column or 'row'} {reason} ({outcome})")


async def again(on: Ground, path: Path, mapping: str, *, seller: bool = True) -> None:
    """The same file once more: nothing is new, nothing changes."""
    held = "SELECT (SELECT count(*) FROM price_observation), (SELECT count(*) FROM alert), (SELECT sum(version) FROM alert)"
    before = await on.rows(held)
    done = await on.bring(path, mapping, seller=seller)
    same(f"{mapping} again: new", done.imported, 0)
    same(f"{mapping} again: observations, alerts and their versions", await on.rows(held), before)


# The limit that held when a price was seen: what the newest version begun by then says, if it is not over.
JUDGED = """
WITH judged AS (
  SELECT o.id, o.sku_id, o.dealer_id, o.captured_at, o.price_minor AS price, v.amount_minor AS limit_minor,
    greatest(0, v.amount_minor - o.price_minor) AS gap, o.price_minor < v.amount_minor AS breach
  FROM price_observation o
  JOIN price_policy p ON p.tenant_id = o.tenant_id AND p.sku_id = o.sku_id AND p.currency = o.currency AND p.kind = 'MAP'
  JOIN LATERAL (SELECT amount_minor FROM price_policy_version v WHERE v.tenant_id = p.tenant_id AND v.policy_id = p.id
    AND v.valid_from <= o.captured_at ORDER BY v.n DESC LIMIT 1) v ON true
  WHERE o.tenant_id = :tenant AND o.outcome = 'FOUND')
"""


async def chains(on: Ground) -> None:
    """No chain of evidence is broken: each row is what was hashed, each follows the one before it."""
    check = str(rehashed().compile(compile_kwargs={"literal_binds": True}))
    broken = await on.rows(f"SELECT count(*) FROM evidence_snapshot WHERE tenant_id = :tenant AND hash <> {check}")
    same("links of evidence that are not what was hashed", broken[0][0], 0)
    loose = await on.rows(
        "SELECT count(*) FROM (SELECT prev_hash, lag(hash) OVER (PARTITION BY alert_id ORDER BY n) AS before"
        " FROM evidence_snapshot WHERE tenant_id = :tenant) e WHERE prev_hash IS DISTINCT FROM before"
    )
    same("links of evidence that follow nothing", loose[0][0], 0)


async def flipkart(on: Ground, folder: Path) -> None:
    """MAP at 0.9 × MRP over one price per product."""
    path = folder / "prices" / "flipkart_mrp_public.csv.gz"
    expected = json.loads((folder / "expected_examples" / "prices_flipkart_map.json").read_text(encoding="utf-8"))
    await bring(on, path, "flipkart_skus")
    await bring(on, path, "flipkart_policies")
    done = await bring(on, path, "flipkart_observations")
    same("rows", done.rows, expected["rows"])
    totals = (await on.rows(JUDGED + "SELECT count(*), count(*) FILTER (WHERE breach), sum(gap) FROM judged"))[0]
    same("evaluated", totals[0], expected["evaluated"])
    same("skipped", done.rows - totals[0], expected["skipped"])
    same("breaches", totals[1], expected["breaches"])
    same("margin at risk", amount(totals[2], "INR"), expected["margin_at_risk"])
    alerts = (await on.rows("SELECT count(*) FROM alert WHERE tenant_id = :tenant"))[0][0]
    same("alerts = breached pairs of SKU and seller", alerts, expected["breached_sku_seller_pairs"])
    leakage = await on.rows(
        "SELECT sum((t -> 'amount' ->> 'minor')::bigint) FROM alert, jsonb_array_elements(impact -> 'terms') t"
        " WHERE tenant_id = :tenant AND t ->> 'name' = 'OBSERVED_LEAKAGE'"
    )
    same("observed leakage of the alerts", amount(leakage[0][0], "INR"), expected["margin_at_risk"])
    above = await on.rows(
        "SELECT count(*) FROM price_observation o JOIN sku s ON s.tenant_id = o.tenant_id AND s.id = o.sku_id"
        " WHERE o.tenant_id = :tenant AND o.price_minor > s.mrp_minor"
    )
    same("above MRP", above[0][0], expected["above_mrp_rows"])
    top = await on.rows(
        JUDGED + "SELECT s.code, d.name, s.mrp_minor, j.limit_minor, j.price, j.gap FROM judged j"
        " JOIN sku s ON s.tenant_id = :tenant AND s.id = j.sku_id JOIN dealer d ON d.tenant_id = :tenant AND d.id = j.dealer_id"
        ' WHERE breach ORDER BY j.gap DESC, s.code COLLATE "C" LIMIT 10'
    )
    told = [(row[0], row[1], *(amount(each, "INR") for each in row[2:])) for row in top]
    wanted = [(e["pid"], e["seller"], e["mrp"], e["map"], e["observed"], e["impact"]) for e in expected["top10"]]
    for n, (mine, theirs) in enumerate(zip(told, wanted, strict=True), 1):
        same(f"top {n}", mine, theirs)
    sellers = await on.rows(
        JUDGED + "SELECT d.name, count(*), sum(j.gap) FROM judged j JOIN dealer d ON d.tenant_id = :tenant"
        ' AND d.id = j.dealer_id WHERE breach GROUP BY d.id, d.name ORDER BY 3 DESC, d.name COLLATE "C" LIMIT 10'
    )
    for n, (row, e) in enumerate(zip(sellers, expected["top10_sellers"], strict=True), 1):
        same(f"seller {n}", (row[0], row[1], amount(row[2], "INR")), (e["seller"], e["breaches"], e["impact"]))
    await chains(on)
    await again(on, path, "flipkart_observations")


async def shopee(on: Ground, folder: Path) -> None:
    """MAP at 0.9 × the list price of the moment, over two years of looks."""
    prices = folder / "prices" / "shopee_vn_history_2021_2025"
    name = "prices_shopee_2021_2023_history_map.json"
    expected = json.loads((folder / "expected_examples" / name).read_text(encoding="utf-8"))
    paths = sorted(prices.glob("*.csv.gz"))
    for path in paths:
        await bring(on, path, "shopee_policies")
        await bring(on, path, "shopee_observations")
    observed = (
        await on.rows("SELECT count(*), count(DISTINCT sku_id) FROM price_observation WHERE tenant_id = :tenant")
    )[0]
    same("observations", observed[0], expected["observations"])
    same("items", observed[1], expected["items"])
    totals = (await on.rows(JUDGED + "SELECT count(*), count(*) FILTER (WHERE breach) FROM judged"))[0]
    same("evaluated", totals[0], expected["evaluated"])
    same("breaching observations", totals[1], expected["breaching_observations"])
    opened = await on.rows("SELECT count(DISTINCT sku_id), sum(cycle) FROM alert WHERE tenant_id = :tenant")
    same("pairs ever breached", opened[0][0], expected["pairs_ever_breached"])
    same("breach episodes = cycles of the alerts", opened[0][1], expected["breach_episodes"])
    live = await on.rows(
        "SELECT count(*), sum(policy_minor - price_minor) FROM alert"
        " WHERE tenant_id = :tenant AND status NOT IN ('RESOLVED', 'DISMISSED')"
    )
    same("pairs open at the end = live alerts", live[0][0], expected["pairs_open_at_end"])
    same("margin at risk, open", amount(live[0][1], "VND"), expected["margin_at_risk_open_units1"])
    deepest = await on.rows(
        JUDGED + "SELECT * FROM (SELECT DISTINCT ON (j.sku_id) s.code, d.name, j.gap,"
        " CAST(extract(epoch FROM j.captured_at) AS bigint), j.price FROM judged j"
        " JOIN sku s ON s.tenant_id = :tenant AND s.id = j.sku_id JOIN dealer d ON d.tenant_id = :tenant AND d.id = j.dealer_id"
        " WHERE breach ORDER BY j.sku_id, j.gap DESC, j.captured_at) one ORDER BY 3 DESC, 1 LIMIT 10"
    )
    for n, (row, e) in enumerate(zip(deepest, expected["top10_deepest"], strict=True), 1):
        mine = (row[0], row[1], amount(row[2], "VND"), row[3], amount(row[4], "VND"))
        same(f"deepest {n}", mine, (e["itemid"], e["seller"], e["gap"], e["time"], e["price"]))
    per_item = await on.rows(
        JUDGED
        + "SELECT s.code, (SELECT count(*) FROM price_observation o WHERE o.tenant_id = :tenant AND o.sku_id = s.id),"
        " count(j.id), count(*) FILTER (WHERE breach),"
        " (SELECT sum(cycle) FROM alert a WHERE a.tenant_id = :tenant AND a.sku_id = s.id),"
        " CAST(extract(epoch FROM min(j.captured_at) FILTER (WHERE breach)) AS bigint)"
        " FROM sku s JOIN judged j ON j.sku_id = s.id WHERE s.tenant_id = :tenant GROUP BY s.id, s.code ORDER BY 1"
    )
    for row, e in zip(per_item, sorted(expected["per_item"], key=lambda each: each["itemid"]), strict=True):
        theirs = (
            e["observations"],
            e["evaluated"],
            e["breaching_observations"],
            e["breach_episodes"],
            e["first_breach_time"],
        )
        same(f"item {row[0]}", (row[1], row[2], row[3], int(row[4]), row[5]), theirs)
    await chains(on)
    await again(on, paths[0], "shopee_observations")


async def electronics(on: Ground, folder: Path) -> None:
    """The dirtiest: padded numbers, EANs cut by a spreadsheet, shifted rows, one row in another currency."""
    path = folder / "prices" / "electronics_multi_merchant.csv.gz"
    done = await bring(on, path, "electronics")
    await reasons(on, done)
    kinds = await on.rows(
        "SELECT currency, outcome, count(*), count(DISTINCT competitor_id) FROM price_observation"
        " WHERE tenant_id = :tenant GROUP BY 1, 2 ORDER BY 3 DESC"
    )
    for row in kinds:
        print(f"       {row[2]} {row[1]} in {row[0]}, {row[3]} merchants")
    await again(on, path, "electronics")


async def open_prices(on: Ground, folder: Path) -> None:
    """Eight currencies; a shop is a place."""
    path = folder / "prices" / "open_prices_summer2025.csv"
    done = await bring(on, path, "open_prices")
    await reasons(on, done)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    totals = await on.rows(
        "SELECT currency, count(*), sum(price_minor) FROM price_observation WHERE tenant_id = :tenant AND outcome = 'FOUND'"
        " GROUP BY 1 ORDER BY 1"
    )
    for currency, count, minor in totals:
        good = [
            Decimal(row["price"])
            for row in rows
            if row["currency"] == currency and row["product_code"] and row["osm_lat"]
        ]
        fine = [each for each in good if each > 0 and each == round(each, CURRENCY_DIGITS[currency])]
        same(
            f"{currency}: prices and their sum",
            (count, amount(minor, currency)),
            (len(fine), _plain(sum(fine, Decimal(0)))),
        )
    await again(on, path, "open_prices")


async def retail(on: Ground, folder: Path) -> None:
    """Invoice lines: what is no sale is refused with its reason, the rest adds up."""
    path = folder / "sales" / "online_retail_2010-12.csv.gz"
    done = await bring(on, path, "online_retail", seller=False)
    await reasons(on, done)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        lines = {tuple(row.values()): row for row in csv.DictReader(file)}
    sold = [row for row in lines.values() if int(row["Quantity"]) > 0 and Decimal(row["UnitPrice"]) > 0]
    exact = [row for row in sold if Decimal(row["UnitPrice"]) == round(Decimal(row["UnitPrice"]), 2)]
    totals = (
        await on.rows(
            "SELECT count(*), sum(units), sum(units * price_minor) FROM price_observation WHERE tenant_id = :tenant"
        )
    )[0]
    value = sum((int(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in exact), Decimal(0))
    same("sales", totals[0], len(exact))
    same("units", totals[1], sum(int(row["Quantity"]) for row in exact))
    same("value", amount(totals[2], "GBP"), _plain(value))
    await again(on, path, "online_retail", seller=False)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


FILES: dict[str, Callable[[Ground, Path], Awaitable[None]]] = {
    "flipkart": flipkart, "shopee": shopee, "electronics": electronics, "open_prices": open_prices, "retail": retail,
}  # fmt: skip


async def main(folder: Path, names: list[str]) -> None:
    async with ground() as on:
        for name in names:
            began = monotonic()
            print(name, flush=True)
            await FILES[name](await on.fresh(), folder)
            print(f"  {monotonic() - began:.1f} s", flush=True)
    print(f"{len(DIFFERS)} figures differ" if DIFFERS else "all figures agree")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:] or list(FILES)))
    sys.exit(1 if DIFFERS else 0)
