"""The set of margin defence: prices past the policies of three SKUs, what was done about them, and a batch that runs."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from ...db.session import Transaction
from ...models import (
    AccessRefusal,
    Alert,
    Batch,
    Competitor,
    Dealer,
    Letter,
    PriceException,
    PriceExceptionDealer,
    PricePolicy,
    PricePolicyVersion,
    Sku,
    new_id,
)
from ...resolvers import alert as alerts
from ...resolvers import batch as batches
from ...resolvers import note as notes
from ...resolvers import preview as previews
from ...resolvers import task as tasks
from ...resolvers.evidence import Sale
from ...resolvers.importing import upload_add
from ...resolvers.kinds import BatchPlan, BatchSelection
from ...resolvers.observation import observe_price
from ...rules.actor import Role
from ...rules.enums import (
    AlertStatus,
    BatchAction,
    BatchKind,
    DismissReason,
    LetterStatus,
    TaskKind,
    TaskOutcome,
    TaskStatus,
)
from ...rules.importing import SNAPSHOTS
from ..batch import step
from ..bringing import begin
from ..letters import SEND, Post
from ..queue import Held
from .ground import Ground, add_person

SNAPSHOTS_IN_ALL, SNAPSHOTS_DONE = 600, 240
DOMAIN = "cheapshop.example"
# code, name, maximum retail price, minimum advertised price, floor: in paise
SKUS = (
    ("PH-100", "Pharos Trail Helmet", 129_900, 100_000, 95_000),
    ("PH-200", "Pharos Touring Jacket", 259_900, 200_000, 190_000),
    ("PH-300", "Pharos City Gloves", 64_900, 50_000, 48_000),
)
# dealer, SKU, price seen, units sold at it
BREACHES = (
    ("north", "PH-100", 60_000, 60),
    ("north", "PH-200", 175_000, 20),
    ("north", "PH-300", 47_000, 10),
    ("south", "PH-100", 82_000, 25),
    ("south", "PH-200", 150_000, 30),
    ("south", "PH-300", 45_500, 8),
)
REPEATED = (("north", "PH-100", 97_000), ("south", "PH-200", 195_000))
"""Breaches of the advertised price alone that were cured once, and came back within 30 days."""
TASKS = (
    ("Call North Riders about the helmets", TaskKind.FOLLOW_UP, "north", "PH-100"),
    ("Look at the receipts of the helmets", TaskKind.REVIEW, "north", "PH-100"),
    ("Prepare the next step against North Riders", TaskKind.ENFORCE, "north", "PH-200"),
    ("Ask North Riders for a date of the cure", TaskKind.FOLLOW_UP, "north", "PH-200"),
    ("Check the papers of North Riders", TaskKind.VERIFY, "north", "PH-300"),
    ("Call South Bikes about the helmets", TaskKind.FOLLOW_UP, "south", "PH-100"),
    ("Compare the jackets with the feed", TaskKind.REVIEW, "south", "PH-200"),
    ("Prepare the first notice to South Bikes", TaskKind.ENFORCE, "south", "PH-200"),
    ("Check the papers of South Bikes", TaskKind.VERIFY, "south", "PH-300"),
)
"""Nine; the tenth comes with the notice to North Riders."""


async def seed_pharos(ground: Ground) -> None:
    """Four people, three SKUs, two dealers, a competitor, twelve alerts, ten tasks, two batches."""
    await _people(ground)
    await _policies(ground)
    await _prices(ground)
    await _decisions(ground)
    await _enforcement(ground)
    await _tasks(ground)
    await _running(ground)


async def _people(ground: Ground) -> None:
    async with ground.act(None, "demo", ground.ago(days=380)) as tx:
        for n, (login, name, role) in enumerate(
            (
                ("owner", "Olivia Owner", Role.OWNER),
                ("ops", "Omar Ops", Role.OPS),
                ("sales", "Sara Sales", Role.SALES),
                ("viewer", "Vikram Viewer", Role.VIEWER),
            )
        ):
            await add_person(tx, ground, login, name, role, n=n)
        for login, name, city in (("north", "North Riders", "Delhi"), ("south", "South Bikes", "Chennai")):
            dealer = tx.add(
                Dealer(
                    id=ground.id("dealer", login), kind="DEALERSHIP", name=name, city=city, city_key=city.casefold(),
                    phone="+911140000001", email=f"shop@{login}.example", verification="VERIFIED", standing="GOOD",
                    notice=0, authorised=True,
                )
            )  # fmt: skip
            ground.dealers[login] = dealer.id
            tx.emit("dealer.created", dealer, to_status="VERIFIED")
        tx.add(Competitor(id=ground.id("competitor", DOMAIN), name="Cheap Shop", domain=DOMAIN))
        for n in range(3):
            tx.add(
                AccessRefusal(
                    id=ground.id("refusal", n), kind="REFUSED", principal_id=ground.people["sales"].user_id,
                    acting_role="SALES", operation="batchPreview", permission="batch:control",
                )
            )  # fmt: skip


async def _policies(ground: Ground) -> None:
    async with ground.act(None, "demo", ground.ago(days=370)) as tx:
        for code, name, mrp, advertised, floor in SKUS:
            sku = tx.add(
                Sku(
                    id=ground.id("sku", code), code=code, name=name, brand="Pharos", mrp_minor=mrp,
                    cost_minor=floor * 6 // 10, currency="INR",
                )
            )  # fmt: skip
            await tx.session.flush()
            tx.emit("sku.created", sku)
            for kind, amount in (("MAP", advertised), ("MRP_FLOOR", floor)):
                policy = tx.add(
                    PricePolicy(
                        id=ground.id("policy", code, kind), sku_id=sku.id, kind=kind, currency="INR", head_version=1,
                        amount_minor=amount, tolerance_bp=0, tolerance_minor=0, valid_from=tx.now, valid_to=None,
                    )
                )  # fmt: skip
                await tx.session.flush()
                tx.add(
                    PricePolicyVersion(
                        id=ground.id("policy", code, kind, 1), policy_id=policy.id, n=1, amount_minor=amount,
                        currency="INR", tolerance_bp=0, tolerance_minor=0, valid_from=tx.now, valid_to=None,
                        recorded_at=tx.now, recorded_by=ground.people["owner"].user_id,
                    )
                )  # fmt: skip
                tx.emit("price_policy.created", policy)
            spared = tx.add(
                PriceException(
                    id=ground.id("exception", code), policy_id=ground.id("policy", code, "MAP"),
                    starts_at=ground.now + timedelta(days=30), ends_at=ground.now + timedelta(days=37), channel=None,
                    every_dealer=False, amount_minor=advertised * 9 // 10, currency="INR", reason="Festival week",
                )
            )  # fmt: skip
            await tx.session.flush()
            tx.add(
                PriceExceptionDealer(
                    id=ground.id("exception", code, "south"), exception_id=spared.id, dealer_id=ground.dealers["south"]
                )
            )


async def _prices(ground: Ground) -> None:
    for dealer, code, price in REPEATED:
        await _seen(ground, dealer, code, price, ground.ago(days=40))
        compliant = next(row[3] for row in SKUS if row[0] == code)
        await _seen(ground, dealer, code, compliant, ground.ago(days=28))
    for dealer, code, price, units in BREACHES:
        first, again = ground.ago(days=5), ground.ago(hours=36)
        await _seen(ground, dealer, code, price, first)
        sold = [
            Sale(first + timedelta(hours=1), units - units // 2, price, f"{dealer}-{code}-1"),
            Sale(again - timedelta(hours=1), units // 2, price, f"{dealer}-{code}-2"),
        ]
        await _seen(ground, dealer, code, price, again, sold)


async def _seen(
    ground: Ground, dealer: str, code: str, price: int, at: datetime, sales: list[Sale] | None = None
) -> None:
    async with ground.act(None, "observationAdd", at) as tx:
        await observe_price(
            tx, sku_id=ground.id("sku", code), price=price, currency="INR", captured_at=at,
            dealer_id=ground.dealers[dealer], channel="WEB", url=f"https://{dealer}.example/{code.lower()}",
            sales=sales or (),
        )  # fmt: skip


async def _alert(tx: Transaction, ground: Ground, dealer: str, code: str, kind: str) -> Alert:
    asked = select(Alert).where(
        Alert.tenant_id == ground.tenant_id, Alert.dealer_id == ground.dealers[dealer],
        Alert.sku_id == ground.id("sku", code), Alert.kind == kind,
    )  # fmt: skip
    return (await tx.session.execute(asked)).scalar_one()


async def _decisions(ground: Ground) -> None:
    at = ground.ago(hours=30)
    steps = (
        ("sales", "south", "PH-100", "MAP_BREACH", {"to": AlertStatus.ACKNOWLEDGED}),
        ("ops", "south", "PH-200", "MAP_BREACH", {"to": AlertStatus.INVESTIGATING}),
        (
            "ops", "south", "PH-300", "MRP_FLOOR_BREACH",
            {"to": AlertStatus.DISMISSED, "dismiss_reason": DismissReason.FALSE_POSITIVE, "reason": "A typing error."},
        ),
        ("ops", "north", "PH-300", "MRP_FLOOR_BREACH", {"to": AlertStatus.INVESTIGATING}),
        (
            "ops", "north", "PH-300", "MRP_FLOOR_BREACH",
            {"to": AlertStatus.RESOLVED, "resolution": "The price was put right by hand."},
        ),
    )  # fmt: skip
    for who, dealer, code, kind, given in steps:
        async with ground.act(who, "alertTransition", at) as tx:
            alert = await _alert(tx, ground, dealer, code, kind)
            asked = alerts.AlertTransitionInput(
                id=ground.gid("Alert", alert.id), expected_version=alert.version, **given
            )
            await alerts.alert_transition(tx, asked)


async def _enforcement(ground: Ground) -> None:
    """A notice to one dealer, a day ago; of what was selected, two alerts had ended before."""
    at, who = ground.ago(hours=24, seconds=5), "ops"  # it waits `undoSeconds`, five
    chosen = (("north", "PH-200", "MAP_BREACH"), ("south", "PH-300", "MRP_FLOOR_BREACH"),
              ("north", "PH-300", "MRP_FLOOR_BREACH"))  # fmt: skip
    async with ground.act(who, "batchPreview", at) as tx:
        ids = [ground.gid("Alert", (await _alert(tx, ground, *each)).id) for each in chosen]
        asked = previews.BatchPreviewInput(
            kind=BatchKind.ENFORCEMENT, selection=BatchSelection(alert_ids=ids),
            plan=BatchPlan(action=BatchAction.SEND_WARNING, reason="Advertised below the minimum advertised price."),
        )  # fmt: skip
        preview = await previews.batch_preview(tx, asked)
    async with ground.act(who, "batchCreate", at) as tx:
        batch = await previews.create(tx, preview, title="First notice to North Riders")
    if batch.status == "PENDING_APPROVAL":
        async with ground.act("owner", "batchDecide", at) as tx:
            decision = batches.BatchDecideInput(
                id=ground.gid("Batch", batch.id), decision=batches.BatchDecision.APPROVE, reason=None, idempotency_key=ground.key("decide"),
            )  # fmt: skip
            await batches.batch_decide(tx, decision)
    async with ground.act(who, "batchStart", at) as tx:
        start = batches.BatchStartInput(id=ground.gid("Batch", batch.id), idempotency_key=ground.key("start"))
        await batches.batch_start(tx, start)
    due: datetime | None = at
    while due is not None:
        done = await step(ground.doors.worker, ground.tenant_id, batch.id, now=due, size=200, chance=lambda: 0.5)
        due = done.due
    await _post(ground, at)


async def _post(ground: Ground, at: datetime) -> None:
    """The letter of the notice was handed on a day ago: nobody sends it for real, so that it stays in the outbox."""
    worker = ground.doors.worker
    async with ground.act(None, "demo", at) as tx:
        asked = select(Letter.id, Letter.created_at).where(Letter.status == LetterStatus.WAITING).order_by(Letter.id)
        letters = (await tx.session.execute(asked)).all()
    for id_, made in letters:
        held = Held(ground.tenant_id, SEND, id_, made, worker.held_until or made)
        await Post().deliver(worker, held, lambda: at)


async def _tasks(ground: Ground) -> None:
    made: list[UUID] = []
    for n, (title, kind, dealer, code) in enumerate(TASKS):
        async with ground.act("ops", "taskCreate", ground.ago(hours=20 - n)) as tx:
            alert = await _alert(tx, ground, dealer, code, "MAP_BREACH")
            assignee = ground.people["sales" if kind is TaskKind.FOLLOW_UP else "ops"].user_id
            assert assignee is not None
            asked = tasks.TaskCreateInput(
                kind=kind, title=title, due_at=ground.ahead(days=1 + n % 5),
                assignee_id=ground.gid("User", assignee), alert_id=ground.gid("Alert", alert.id),
            )  # fmt: skip
            made.append((await tasks.task_create(tx, asked)).id)
    for n, to, reason, version in (
        (1, TaskStatus.IN_PROGRESS, None, 1),
        (2, TaskStatus.IN_PROGRESS, None, 1),
        (2, TaskStatus.BLOCKED, "Waits for the cure time.", 2),
        (5, TaskStatus.IN_PROGRESS, None, 1),
    ):
        async with ground.act("ops", "taskTransition", ground.ago(hours=8)) as tx:
            gid = ground.gid("Task", made[n])
            asked_to = tasks.TaskTransitionInput(id=gid, to=to, reason=reason, expected_version=version)
            await tasks.task_transition(tx, asked_to)
    async with ground.act("ops", "taskCloseLoop", ground.ago(hours=6)) as tx:
        done = tasks.TaskCloseLoopInput(
            id=ground.gid("Task", made[5]), outcome=TaskOutcome.PROMISED, note="They promised it for tomorrow.",
            expected_version=2,
        )  # fmt: skip
        await tasks.task_close_loop(tx, done)
    for n, who in enumerate(("ops", "sales")):
        async with ground.act(who, "noteAdd", ground.ago(hours=5 - n)) as tx:
            alert = await _alert(tx, ground, "north", "PH-100", "MAP_BREACH")
            body = ("They did this last month, too.", "Their manager is on leave until Monday.")[n]
            await notes.note_add(tx, notes.NoteAddInput(id=ground.gid("Alert", alert.id), body=body))


async def _running(ground: Ground) -> None:
    """600 prices at a competitor, one a second, 240 of them done; none of them below our own."""
    at = ground.ago(minutes=4)

    async def rows() -> AsyncIterator[bytes]:
        lines = ["competitor,sku,captured_at,price,currency,url"]
        for n in range(SNAPSHOTS_IN_ALL):
            code, _, mrp, _, _ = SKUS[n % len(SKUS)]
            seen = ground.ago(minutes=SNAPSHOTS_IN_ALL - n)
            lines.append(f"{DOMAIN},{code},{seen.isoformat()},{mrp // 100 + n % 7}.00,INR,https://{DOMAIN}/{code}")
        yield "\n".join(lines).encode()

    id_ = new_id()
    stored = await ground.doors.files.put(ground.tenant_id, id_, rows(), limit=1_000_000)
    async with ground.act("ops", "uploadAdd", at) as tx:
        upload = await upload_add(
            tx, id=id_, name="competitor-prices.csv", media_type="text/csv", stored_as=stored.name, size=stored.size,
            sha256=stored.sha256, days=3650,
        )  # fmt: skip
    batch_id = await begin(ground.doors.app, ground.tenant_id, upload, SNAPSHOTS, now=at, title="Prices of Cheap Shop")
    for n in range(4):
        await step(
            ground.doors.worker, ground.tenant_id, batch_id, now=at + timedelta(minutes=n), size=SNAPSHOTS_DONE // 4
        )
    async with ground.act(None, "demo", ground.now) as tx:
        batch = await tx.session.get_one(Batch, (ground.tenant_id, batch_id))
        batch.pace, batch.not_before = 1, ground.now
        tx.emit("batch.paced", batch)
        await tx.due("batch.run", batch.id, ground.now)
