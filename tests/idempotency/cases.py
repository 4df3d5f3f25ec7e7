"""For each mutation that takes a key, a call that does something: whoever adds such a mutation declares it here.

    @case("offerCreate", other={"amount": inr("600.00")})
    async def offer_create(world): ...   # makes what is needed; gives who calls, and the input without the key

`other` are arguments that make it another request. The proofs of `test_force.py` do the rest; the schema tells them which
mutations there are, and a missing one is named.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from souk.db.session import Database
from souk.models import ServiceToken, Team, new_id
from souk.rules.actor import Actor, Role
from tests.resolvers.margin import policy, report, sku
from tests.resolvers.test_batch import Shop
from tests.resolvers.trade import a_listing, inr, offered
from tests.world import NOW, World


@dataclass
class Stage:
    """A world of its own, and a worker's door for what comes by batches."""

    world: World
    worker: Database


Call = tuple[Role | Actor, dict[str, Any]]
Make = Callable[[Stage], Awaitable[Call]]


@dataclass(frozen=True)
class Case:
    make: Make
    other: dict[str, Any]


CASES: dict[str, Case] = {}


def case(mutation: str, *, other: dict[str, Any]) -> Callable[[Make], Make]:
    """Declare the call of a mutation."""

    def register(make: Make) -> Make:
        CASES[mutation] = Case(make, other)
        return make

    return register


# Catalogue and people ---------------------------------------------------------------------------------------------------


@case("skuCreate", other={"name": "Other"})
async def sku_create(stage: Stage) -> Call:
    return Role.ADMIN, {"code": "S-1", "name": "Thing", "currencyCode": "INR"}


@case("competitorCreate", other={"name": "Other"})
async def competitor_create(stage: Stage) -> Call:
    return Role.ADMIN, {"name": "Rival", "domain": "rival.example.com"}


@case("dealerCreate", other={"name": "Other"})
async def dealer_create(stage: Stage) -> Call:
    return Role.ADMIN, {"kind": "DEALERSHIP", "name": "New Motors"}


@case("listingCreate", other={"title": "Another thing"})
async def listing_create(stage: Stage) -> Call:
    return Role.DEALER, {
        "kind": "PRODUCT", "title": "A thing", "price": inr("100.00"), "product": {"availability": "IN_STOCK"},
    }  # fmt: skip


@case("userInvite", other={"name": "Somebody else"})
async def user_invite(stage: Stage) -> Call:
    return Role.ADMIN, {"name": "New", "email": f"new@{stage.world.tenant_id.hex}.example.com", "role": "OPS"}


@case("teamCreate", other={"name": "Other"})
async def team_create(stage: Stage) -> Call:
    member = stage.world.actors[Role.AGENT].membership_id
    assert member is not None
    return Role.ADMIN, {"name": "Desk", "membershipIds": [stage.world.id("Membership", member)]}


@case("serviceTokenCreate", other={"name": "Other"})
async def service_token_create(stage: Stage) -> Call:
    ends = (stage.world.now + timedelta(days=30)).isoformat()
    return Role.ADMIN, {"name": "Feed", "scopes": ["sku:read"], "expiresAt": ends}


@case("serviceTokenRotate", other={"expiresAt": "2026-12-24T09:00:00Z"})
async def service_token_rotate(stage: Stage) -> Call:
    world = stage.world
    former = ServiceToken(
        id=new_id(), name="Feed", prefix="svc_feed", hash=new_id().bytes * 2, scopes=["sku:read"],
        expires_at=world.now + timedelta(days=30),
    )  # fmt: skip
    await world.add(former)
    return Role.ADMIN, {"id": world.id("ServiceToken", former.id), "expiresAt": "2027-01-24T09:00:00Z"}


# Margin defence ---------------------------------------------------------------------------------------------------------


@case("alertAppeal", other={"message": "Another word."})
async def alert_appeal(stage: Stage) -> Call:
    thing = await sku(stage.world)
    await policy(stage.world, thing)
    [alert] = await report(stage.world, thing, 85_000, NOW)
    await stage.world.rows("UPDATE alert SET notice_sent_at = :now RETURNING 1", now=NOW)
    return Role.DEALER, {"alertId": stage.world.id("Alert", alert.id), "message": "It was *another* thing."}


# Trade and leads --------------------------------------------------------------------------------------------------------


@case("leadCreate", other={"name": "Somebody else"})
async def lead_create(stage: Stage) -> Call:
    listing = await a_listing(stage.world)
    return Role.CUSTOMER, {"listingId": stage.world.id("Listing", listing), "name": "Asha", "phone": "+919800000004"}


@case("offerCreate", other={"amount": inr("600.00")})
async def offer_create(stage: Stage) -> Call:
    listing = await a_listing(stage.world)
    return Role.CUSTOMER, {"listingId": stage.world.id("Listing", listing), "amount": inr("500.00")}


async def _offer(world: World) -> str:
    return str((await offered(world, Role.CUSTOMER, await a_listing(world), "500.00"))["offer"]["id"])


@case("offerCounter", other={"amount": inr("800.00")})
async def offer_counter(stage: Stage) -> Call:
    return Role.DEALER, {"id": await _offer(stage.world), "amount": inr("900.00"), "expectedVersion": 1}


@case("offerAccept", other={"expectedVersion": 2})
async def offer_accept(stage: Stage) -> Call:
    return Role.DEALER, {"id": await _offer(stage.world), "expectedVersion": 1}


# Desk -------------------------------------------------------------------------------------------------------------------


@case("ticketCreate", other={"body": "Something else."})
async def ticket_create(stage: Stage) -> Call:
    return Role.CUSTOMER, {"subject": "Hello there", "body": "It does not work."}


@case("commentAdd", other={"body": "Something else."})
async def comment_add(stage: Stage) -> Call:
    made = await stage.world.do(Role.CUSTOMER, "ticketCreate", "ticket { id }", subject="Hello there", body="Hi.")
    return Role.OPS, {"id": made["ticket"]["id"], "body": "Which one?", "visibility": "PUBLIC"}


@case("taskCreate", other={"title": "Something else"})
async def task_create(stage: Stage) -> Call:
    return Role.OPS, {
        "kind": "FOLLOW_UP", "title": "Call them", "dealerId": stage.world.id("Dealer", stage.world.dealer)
    }  # fmt: skip


@case("noteAdd", other={"body": "Something else."})
async def note_add(stage: Stage) -> Call:
    return Role.SALES, {"id": stage.world.id("Dealer", stage.world.dealer), "body": "Will pay."}


# Margin defence ---------------------------------------------------------------------------------------------------------


@case("pricePolicyCreate", other={"amount": inr("900.00")})
async def price_policy_create(stage: Stage) -> Call:
    world = stage.world
    thing = world.id("Sku", await sku(world))
    return Role.ADMIN, {"skuId": thing, "kind": "MAP", "amount": inr("1000.00"), "validFrom": "2026-11-01T00:00:00Z"}


@case("priceExceptionCreate", other={"amount": inr("700.00")})
async def price_exception_create(stage: Stage) -> Call:
    made = await policy(stage.world, await sku(stage.world))
    return Role.ADMIN, {
        "policyId": made["id"], "startsAt": "2026-11-23T00:00:00Z", "endsAt": "2026-11-30T00:00:00Z", "amount": inr("800.00"),
    }  # fmt: skip


# Batches ----------------------------------------------------------------------------------------------------------------


async def _shop(stage: Stage, impact: int = 100_000) -> Shop:
    shop = Shop(stage.world, stage.worker)
    await shop.breach(stage.world.dealer, impact)
    return shop


async def _batch(stage: Stage, *acts: str, impact: int = 100_000) -> str:
    shop = await _shop(stage, impact)
    id_ = str((await shop.create())["batch"]["id"])
    for act in acts:
        await shop.act(Role.OPS, act, id_)
    return id_


@case("batchCreate", other={"title": "Another"})
async def batch_create(stage: Stage) -> Call:
    return Role.OPS, {"previewId": (await (await _shop(stage)).preview())["preview"]["id"], "title": "Week 47"}


@case("exportCreate", other={"title": "Another"})
async def export_create(stage: Stage) -> Call:
    return Role.OPS, {"list": "LISTINGS", "format": "CSV", "filter": {"status": ["ACTIVE"]}}


@case("batchStart", other={"allowDrift": "SKIP"})
async def batch_start(stage: Stage) -> Call:
    return Role.OPS, {"id": await _batch(stage)}


@case("batchPause", other={"reason": "Something else."})
async def batch_pause(stage: Stage) -> Call:
    return Role.OPS, {"id": await _batch(stage, "batchStart"), "reason": "Lunch."}


@case("batchResume", other={"id": "QmF0Y2g6MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAx"})
async def batch_resume(stage: Stage) -> Call:
    return Role.OPS, {"id": await _batch(stage, "batchStart", "batchPause")}


@case("batchCancel", other={"reason": "Something else."})
async def batch_cancel(stage: Stage) -> Call:
    return Role.OPS, {"id": await _batch(stage), "reason": "No."}


async def _done(stage: Stage, *, standing: str) -> str:
    """A batch of one notice that a worker has come to the end of; refused where the dealer is not watched."""
    shop = await _shop(stage)
    await stage.world.rows("UPDATE dealer SET standing = :to RETURNING 1", to=standing)
    id_ = str((await shop.create())["batch"]["id"])
    await shop.act(Role.OPS, "batchStart", id_)
    await shop.work(id_)
    return id_


ANOTHER = {"id": "QmF0Y2g6MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAx"}


@case("batchRetryFailed", other=ANOTHER)
async def batch_retry_failed(stage: Stage) -> Call:
    return Role.OPS, {"id": await _done(stage, standing="GOOD")}


@case("batchRollback", other={"reason": "Something else."})
async def batch_rollback(stage: Stage) -> Call:
    return Role.OPS, {"id": await _done(stage, standing="WATCH"), "reason": "A mistake."}


@case("batchDecide", other={"reason": "Something else."})
async def batch_decide(stage: Stage) -> Call:
    return Role.ADMIN, {"id": await _batch(stage, impact=9_000_000), "decision": "APPROVE", "reason": "Good."}


async def team(world: World, name: str) -> str:
    """A team that is there."""
    row = Team(id=new_id(), name=name)
    await world.add(row)
    return world.id("Team", row.id)
