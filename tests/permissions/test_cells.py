"""Every cell of the matrix with a surface here, by real requests: permission × role × own and other.

What is one's own is spelled here once more, from the table of the domain, so that a predicate that is wrong in both
spellings does not agree with itself. A row of the matrix has a probe below or stands in WITHOUT_SURFACE.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text

from souk.engine.symbols import write_id
from souk.permissions.roles import MATRIX
from souk.rules.actor import Actor, Role
from tests.isolation.conftest import Two, two
from tests.isolation.test_fuzz import Fuzz

__all__ = ["two"]

PARTY = {"DEALER": "proposer_dealer_id = :dealer OR owner_dealer_id = :dealer",
         "CUSTOMER": "proposer_user_id = :user AND proposer_dealer_id IS NULL"}  # fmt: skip
MADE = "creator_id = :user"
PERSONAL = "actor_id = :user OR (subject_type = 'User' AND subject_id = :user)"
IN_TEAM = "(requester_id = :user OR team_id = :team OR EXISTS (SELECT FROM ticket_cc c WHERE c.ticket_id = t.id AND c.user_id = :user))"
OWN_TICKET = "(requester_id = :user OR EXISTS (SELECT FROM ticket_cc c WHERE c.ticket_id = t.id AND c.user_id = :user))"
OWN: dict[str, dict[str, str]] = {
    "Listing": {"DEALER": "dealer_id = :dealer"},
    "Dealer": {"DEALER": "id = :dealer"},
    "Offer": PARTY,
    "Deal": {"DEALER": "payer_dealer_id = :dealer OR payee_dealer_id = :dealer", "CUSTOMER": "payer_user_id = :user AND payer_dealer_id IS NULL"},
    "Lead": {
        "DEALER": "user_id = :user OR dealer_id = :dealer OR (distribution = 'SHARED' AND unlock_count < max_unlocks)"
                  " OR EXISTS (SELECT FROM lead_unlock u WHERE u.lead_id = t.id AND u.dealer_id = :dealer)",
        "CUSTOMER": "user_id = :user",
    },
    "Ticket": dict.fromkeys(("OWNER", "ADMIN", "OPS", "SALES", "DEALER", "CUSTOMER"), OWN_TICKET) | {"AGENT": IN_TEAM},
    "Alert": {"DEALER": "dealer_id = :dealer AND notice_sent_at IS NOT NULL"},
    "PricePolicy": {"DEALER": "sku_id IN (SELECT sku_id FROM listing WHERE dealer_id = :dealer AND deleted_at IS NULL)"},
    "Task": {"AGENT": f"ticket_id IN (SELECT id FROM ticket t WHERE deleted_at IS NULL AND {IN_TEAM})"},
    "Batch": dict.fromkeys(("AGENT", "DEALER", "CUSTOMER"), MADE),
    "BatchItem": dict.fromkeys(("AGENT", "DEALER", "CUSTOMER"), f"batch_id IN (SELECT id FROM batch WHERE {MADE})"),
    "AuditEvent": {"CUSTOMER": PERSONAL, "DEALER": f"{PERSONAL} OR dealer_id = :dealer OR (subject_type = 'Dealer' AND subject_id = :dealer)"},
    "User": {"DEALER": "id IN (SELECT user_id FROM membership WHERE dealer_id = :dealer)"} | dict.fromkeys(("OPS", "SALES", "AGENT", "VIEWER", "CUSTOMER"), "id = :user"),
}  # fmt: skip
TABLE = {"User": "app_user", "PricePolicy": "price_policy", "BatchItem": "batch_item", "AuditEvent": "audit_event",
         "CompetitorSnapshot": "competitor_snapshot", "OperationManifest": "operation_manifest"}  # fmt: skip
LIVE = {"Listing": "deleted_at IS NULL", "Dealer": "deleted_at IS NULL", "Ticket": "deleted_at IS NULL"}


@dataclass(frozen=True)
class Probe:
    """How a row of the matrix shows. `field` is asked of `type`'s own and others' rows; empty asks for the row itself.

    `only` narrows the rows to those that every admitted role sees; `also` are scopes that the question needs besides;
    `own` takes another table of what is one's own.
    """

    row: str
    type: str = ""
    field: str = ""
    mutation: str = ""
    only: str = "true"
    also: tuple[str, ...] = ()
    own: tuple[tuple[str, str], ...] = ()
    hidden: bool = False
    """Whether another row of the matrix admits the role too, so that the answer is an absent row, never FORBIDDEN."""


NO_NOTICE = (("DEALER", "false"),)
READS = [
    Probe("listing:read", "Listing", only="status = 'ACTIVE' AND visibility = 'PUBLIC'", hidden=True),
    Probe("listing:readUnpublished", "Listing", only="status NOT IN ('ACTIVE')", hidden=True),
    Probe("listing:readPrivate", "Listing", "floor { amount }", only="status = 'ACTIVE' AND visibility = 'PUBLIC'", also=("listing:read",)),
    Probe("category:read", "Category"),
    Probe("sku:read", "Sku"),
    Probe("sku:readCost", "Sku", "cost { amount }", also=("sku:read",)),
    Probe("competitor:read", "Competitor"),
    Probe("dealer:read", "Dealer", "phone", only="id IN (SELECT dealer_id FROM listing WHERE status = 'ACTIVE' AND visibility = 'PUBLIC')"),
    Probe("dealer:readRecord", "Dealer", "standing", only="id IN (SELECT dealer_id FROM listing WHERE status = 'ACTIVE' AND visibility = 'PUBLIC')",
          also=("dealer:read",)),
    Probe("offer:read", "Offer", "revisions(first: 1) { nodes { message } }"),
    Probe("deal:read", "Deal"),
    Probe("lead:read", "Lead"),
    Probe("ticket:read", "Ticket", "bodyMarkdown"),
    Probe("ticket:internal", "Ticket", "holdReason", only="requester_id IN (:customer, :seller, :member) OR team_id = :team", also=("ticket:read",)),
    Probe("alert:read", "Alert"),
    Probe("alert:readEvidence", "Alert", "evidenceSnapshots { totalCount }", also=("alert:read",)),
    Probe("pricePolicy:read", "PricePolicy"),
    Probe("task:read", "Task"),
    Probe("note:read", "Dealer", "notes { totalCount }", only="id IN (SELECT dealer_id FROM listing WHERE status = 'ACTIVE' AND visibility = 'PUBLIC')",
          also=("dealer:read",)),
    Probe("batch:read", "Batch"),
    Probe("audit:read", "AuditEvent"),
    Probe("user:read", "User", "phone", hidden=True, only="NOT staff OR id = :user"),
]  # fmt: skip
DEALERS = (("DEALER", "id = :dealer"),)
WRITES = [
    Probe("listing:write", "Listing", mutation="listingUpdate"),
    Probe("listing:moderate", "Listing", mutation="listingModerate"),
    Probe("sku:write", "Sku", mutation="skuUpdate"),
    Probe("manifest:write", "OperationManifest", mutation="operationManifestDeprecate"),
    Probe("competitor:write", "Competitor", mutation="competitorUpdate"),
    Probe("dealer:write", "Dealer", mutation="dealerUpdate"),
    Probe("dealer:submitVerification", "Dealer", mutation="dealerSubmitVerification", own=DEALERS),
    Probe("dealer:verify", "Dealer", mutation="dealerReviewVerification"),
    Probe("dealer:standing", "Dealer", mutation="dealerSetStanding"),
    Probe("dealer:terminate", "Dealer", mutation="dealerTerminate"),
    Probe("offer:respond", "Offer", mutation="offerReject"),
    Probe("lead:assign", "Lead", mutation="leadAssign", own=(("SALES", "assignee_id IS NULL OR assignee_id = :user"),)),
    Probe("lead:withdraw", "Lead", mutation="leadWithdraw", own=(("CUSTOMER", "user_id = :user"),)),
    Probe("ticket:asRequester", "Ticket", mutation="ticketConfirm",
          own=tuple((role.value, "requester_id = :user") for role in Role if role not in (Role.SERVICE, Role.PUBLIC))),
    Probe("ticket:transition", "Ticket", mutation="ticketTransition", own=(("AGENT", "team_id = :team"),)),
    Probe("ticket:assign", "Ticket", mutation="ticketAssign", own=(("AGENT", "team_id = :team"),)),
    Probe("pricePolicy:write", "PricePolicy", mutation="pricePolicyUpdate"),
    Probe("task:write", "Task", mutation="taskTransition"),
    Probe("task:closeLoop", "Task", mutation="taskCloseLoop"),
    Probe("batch:control", "Batch", mutation="batchPause", only="kind = 'IMPORT'"),
    Probe("batch:approve", "Batch", mutation="batchDecide"),
    Probe("user:setStatus", "User", mutation="userSetStatus", only="NOT staff OR id = :user"),
    Probe("user:setRole", "User", mutation="userSetRole", only="NOT staff OR id = :user"),
]  # fmt: skip
ELSEWHERE = {  # rows whose cells have no own and other by an id, and the test that asks them
    "offer:create": "test_roots, tests/resolvers/test_offer.py",
    "lead:create": "test_roots, tests/resolvers/test_lead.py",
    "ticket:create": "test_roots, tests/resolvers/test_ticket.py",
    "user:invite": "test_roots, tests/resolvers/test_user.py",
    "permission:read": "test_roots",
    "note:write": "test_roots, tests/resolvers/test_note.py",
    "lead:contact": "tests/resolvers/test_lead.py: the union",
    "lead:setStatus": "tests/resolvers/test_lead_pipeline.py: one mutation with unlock:setStatus",
    "unlock:setStatus": "tests/resolvers/test_lead_pipeline.py",
    "ticket:comment": "tests/resolvers/test_ticket.py: one mutation with ticket:internal",
    "alert:acknowledge": "tests/resolvers/test_alert.py: one mutation with alert:transition",
    "alert:transition": "tests/resolvers/test_alert.py",
    "team:read": "shown below tickets and memberships only; test_spellings",
    "user:readStaff": "tests/resolvers/test_user.py: one type with user:read",
    "owner:write": "tests/resolvers/test_user.py",
    "batch:enforcement": "tests/resolvers: batchPreview of the kind",
    "batch:import": "tests/worker/test_import.py: batchPreview of the kind",
    "upload:create": "tests/web: POST /uploads",
}
WITHOUT = """
category:write auction:read auction:control bid:place deal:perform deal:administer deal:resolveDispute
conversation:read conversation:write lead:unlock lead:reportInvalid lead:decideInvalid plan:read
plan:write plan:assign subscription:cancel entitlement:read credit:read credit:topUp credit:adjust
payment:read payment:create payment:capture payment:void refund:request refund:decide payout:read
payout:decide escrow:freeze escrow:override ledger:read ledger:trialBalance commission:read
commission:write tax:write revenue:read attachment:delete csat:submit sla:read sla:write automation:write
team:write alert:appeal appeal:decide observation:write dashboard:read batch:listingBulk batch:ticketBulk
batch:export batch:report batch:broadcast batch:dsr batch:creditGrant session:create user:unlock
user:impersonate serviceToken:read serviceToken:write dsr:submit dsr:decide settings:read settings:write
flag:write webhook:write system:read dlq:replay event:read audit:readRefusals audit:verify
retention:write tenant:write
"""
WITHOUT_SURFACE = frozenset(WITHOUT.split())


def test_every_row_of_the_matrix_is_asked_or_has_no_surface_yet() -> None:
    probed = {probe.row for probe in [*READS, *WRITES]}
    assert probed | set(ELSEWHERE) | WITHOUT_SURFACE == set(MATRIX)
    assert not (probed | set(ELSEWHERE)) & WITHOUT_SURFACE and not probed & set(ELSEWHERE)


@dataclass
class Cells:
    two: Two
    fuzz: Fuzz
    actors: dict[Role, Actor]

    async def ids(self, probe: Probe, actor: Actor) -> tuple[list[UUID], list[UUID]]:
        """Own rows and others' rows, by what the domain calls own."""
        world = self.two.here.world
        people = world.actors
        table, own = TABLE.get(probe.type, probe.type.lower()), dict(probe.own) or OWN.get(probe.type, {})
        mine = own.get(actor.role.value, "false")
        values = {
            "user": actor.user_id, "dealer": actor.dealer_id, "team": actor.team_ids[0] if actor.team_ids else None,
            "customer": people[Role.CUSTOMER].user_id, "seller": people[Role.SALES].user_id, "member": people[Role.DEALER].user_id,
        }  # fmt: skip
        sql = f"SELECT id, coalesce(({mine}), false) FROM {table} t WHERE {LIVE.get(probe.type, 'true')} AND ({probe.only}) ORDER BY id"
        used = {name: value for name, value in values.items() if f":{name}" in sql}
        sql = text(sql).bindparams(**used)  # type: ignore[assignment]
        async with world.souk.owner.engine.begin() as connection:
            await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
            found = (await connection.execute(sql)).all()  # type: ignore[call-overload]
        return [id_ for id_, is_own in found if is_own], [id_ for id_, is_own in found if not is_own]

    async def ask(self, actor: Actor, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        answer = await self.two.souk.runner.answer(document, variables, None, self.two.context(actor))
        found: dict[str, Any] = json.loads(answer.body)
        return found


@pytest_asyncio.fixture(scope="module")
async def cells(two: Two) -> AsyncIterator[Cells]:
    actors = dict(two.here.actors)
    actors[Role.AGENT] = next(each for each in two.here.others if each.role is Role.AGENT)
    yield Cells(two, await Fuzz(two).prepare(), actors)


def scoped(actor: Actor, probe: Probe, given: bool) -> Actor:
    """A service token with the row's scope, or with everything the question needs but that."""
    return (
        replace(actor, scopes=frozenset((*probe.also, probe.row) if given else probe.also))
        if actor.role is Role.SERVICE
        else actor
    )


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("probe", READS, ids=lambda probe: probe.row)
async def test_a_cell_of_reading(cells: Cells, probe: Probe, role: Role) -> None:
    letter = MATRIX[probe.row].cells[role].letter
    actor = scoped(cells.actors[role], probe, True)
    own, other = await cells.ids(probe, actor)
    root = probe.type[0].lower() + probe.type[1:]
    document = f"query($id: ID!) {{ {root}(id: $id) {{ id {probe.field} }} }}"

    async def see(id_: UUID, who: Actor) -> tuple[bool, list[tuple[str, int]]]:
        found = await cells.ask(who, document, {"id": write_id(probe.type, id_)})
        errors = [(each["extensions"]["code"], len(each["path"])) for each in found.get("errors", ())]
        return found["data"][root] is not None, errors

    guarded = bool(probe.also)  # the row of the matrix is a field's, another one shows the row
    match letter:
        case "-":
            for id_ in [*own[:2], *other[:2]]:
                seen, errors = await see(id_, actor)
                if probe.hidden:
                    assert not seen and (errors == [] or role is Role.PUBLIC)
                elif guarded and seen:
                    assert errors == [("FORBIDDEN", 2)]
                else:
                    assert not seen and errors in ([("FORBIDDEN", 1)], [])
        case "O":
            assert own, "the test has nothing of its own to ask for"
            for id_ in own[:3]:
                assert await see(id_, actor) == (True, []), "own"
            assert other, "the test has nothing of others to ask for"
            for id_ in other[:3]:
                assert await see(id_, actor) in (
                    ((True, [("FORBIDDEN", 2)]), (False, [])) if guarded else ((False, []),)
                ), "other"
        case "M":
            assert [*own, *other]
            for id_ in other[:3]:
                seen, errors = await see(id_, actor)
                assert seen
                assert {code for code, _ in errors} <= {"FORBIDDEN"}
                assert bool(errors) is bool(probe.field), "the marked field of another's"
            for id_ in own[:3]:
                assert await see(id_, actor) == (True, []), "in full where it is one's own"
        case "S":
            assert (await see(other[0], actor))[0]
            assert (await see(other[0], actor))[1] == []
            seen, errors = await see(other[0], scoped(actor, probe, False))
            assert errors or not seen
        case _:
            for id_ in [*own[:2], *other[:2]]:
                assert await see(id_, actor) == (True, []), (letter, "tenant-wide")


OF_NO_KIND = {("batch:control", Role.AGENT), ("batch:control", Role.CUSTOMER)}
"""Batches ask two questions; none of the kinds that exist yet is theirs."""


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("probe", WRITES, ids=lambda probe: probe.row)
async def test_a_cell_of_writing(cells: Cells, probe: Probe, role: Role) -> None:
    """Denied: FORBIDDEN at the root, or userErrors FORBIDDEN or NOT_FOUND, and the row as it was. Else anything but these."""
    letter = MATRIX[probe.row].cells[role].letter
    actor = replace(scoped(cells.actors[role], probe, True))
    if role is Role.SERVICE:
        reads = [name for name in MATRIX if name.endswith((":read", ":readUnpublished"))]
        actor = replace(actor, scopes=frozenset((probe.row, *reads, "batch:import")))
    own, other = await cells.ids(probe, actor)
    position = next(each for each in cells.two.positions if each.path == f"Mutation.{probe.mutation}(input.id)")
    table = TABLE.get(probe.type, probe.type.lower())

    async def row(id_: UUID) -> Any:
        return await cells.two.here.world.rows(f"SELECT to_jsonb(t) FROM {table} t WHERE id = :id", id=id_)

    async def act(id_: UUID) -> tuple[str, bool]:
        await cells.fuzz.prepare()
        before, variables = await row(id_), cells.fuzz.variables(position, write_id(probe.type, id_))
        if probe.row == "user:setRole" and role is Role.DEALER:  # a dealer appoints to its own organisation alone
            variables["it"] |= {"role": "DEALER", "dealerId": write_id("Dealer", actor.dealer_id or UUID(int=0))}
        if probe.row == "lead:assign" and role is Role.SALES:  # a lead that nobody has, to oneself
            variables["it"]["assigneeId"] = write_id("User", actor.user_id or UUID(int=0))
        found = await cells.ask(actor, position.document, variables)
        if "errors" in found and found["data"][probe.mutation] is None:
            code = found["errors"][0]["extensions"]["code"]
        else:
            problems = found["data"][probe.mutation]["userErrors"]
            code = problems[0]["code"] if problems else "DONE"
        return ("ROOT " if "errors" in found and found["data"][probe.mutation] is None else "") + code, await row(
            id_
        ) == before

    match letter:
        case "-":
            for id_ in [*own[:1], *other[:1]]:
                assert await act(id_) == ("ROOT FORBIDDEN", True)
        case "O":
            assert other, "the test has nothing of others to act on"
            for id_ in other[:2]:
                code, same = await act(id_)
                assert code in ("FORBIDDEN", "NOT_FOUND") and same, "another's"
            assert own, "the test has nothing of its own to act on"
            codes = [(await act(id_))[0] for id_ in own[:3]]
            if (probe.row, role) in OF_NO_KIND:
                assert set(codes) == {"FORBIDDEN"}
                return
            assert not set(codes) & {"ROOT FORBIDDEN", "FORBIDDEN", "NOT_FOUND"}, codes
        case _:
            codes = [(await act(id_))[0] for id_ in [*own[:1], *other[:2]]]
            assert set(codes) - {"ROOT FORBIDDEN", "FORBIDDEN", "NOT_FOUND"}, codes
            assert "ROOT FORBIDDEN" not in codes
