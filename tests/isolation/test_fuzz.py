"""The two-tenant fuzz: what is another tenant's answers as what is nowhere, byte for byte but for the request id."""

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLInterfaceType

from souk.engine.symbols import read_id, write_id
from souk.models import Model
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.bazaar import rows_of
from tests.engine.generate import Generator
from tests.isolation.canary import WORD, digest
from tests.isolation.conftest import Two, nearby
from tests.isolation.positions import Position

SEED = 20_261_122
NODE = schema._schema.type_map["Node"]
assert isinstance(NODE, GraphQLInterfaceType)
NODES = sorted(type_.name for type_ in schema._schema.get_possible_types(NODE))
BY_ROOT = {  # the type of an input's `id`, where the mutation's name does not begin with it
    "commentAdd": "Ticket", "noteAdd": "Alert", "userWithdrawInvite": "User", "unlockSetStatus": "LeadUnlock", "batchCreate": "BatchPreview",
    "otpVerify": "SignInChallenge",
}  # fmt: skip
BY_NAME = {
    "requesterId": "User", "assigneeId": "User", "userIds": "User", "ccIds": "User", "actorId": "User", "intoId": "Ticket", "previewId": "BatchPreview",
    "policyId": "PricePolicy", "parentId": "Category", "subjectId": "Listing", "subjectRefId": "Listing", "dealerIds": "Dealer", "alertIds": "Alert",
    "teamId": "Team", "teamIds": "Team", "uploadId": "Upload", "membershipId": "Membership", "add": "Membership", "remove": "Membership",
}  # fmt: skip
LATER = "2026-12-22T09:00:00Z"
WARN = {"kind": "ENFORCEMENT", "plan": {"action": "SEND_WARNING", "reason": "Too cheap."}}
GIVEN: dict[str, dict[str, Any]] = {  # what an input has to say besides, so that the id is looked at
    "leadSetStatus": {"to": "WON"},
    "userSetRole": {"role": "AGENT"},
    "userInvite": {"role": "AGENT", "email": "new@example.com"},
    "userSetRole(input.dealerId)": {"role": "DEALER"},
    "userInvite(input.dealerId)": {"role": "DEALER"},
    "batchPreview(input.selection.alertIds.0)": WARN,
    "batchPreview(input.selection.alerts.dealerId)": WARN,
    "batchPreview(input.selection.alerts.skuId)": WARN,
    "batchPreview(input.selection.uploadId)": {"plan": {"mapping": "used_bikes"}},
    "batchPreview(input.plan.dealerId)": {"plan": {"mapping": "used_bikes"}, "selection": {"uploadId": "*Upload"}},
    "pricePolicyImport": {"kind": "MAP", "currencyCode": "INR"},
    "pricePolicyCreate(input.exceptions.0.dealerIds.0)": {"skuId": "*Sku", "validTo": "2027-12-22T09:00:00Z", "exceptions": [{"endsAt": LATER}]},
    "priceExceptionCreate": {"endsAt": LATER},
    "serviceTokenCreate": {"scopes": ["listing:read"], "expiresAt": LATER},
    "serviceTokenRotate": {"expiresAt": LATER},
}  # fmt: skip
CHOSEN = {  # of a type's own rows the one that most acts can be done to; the first one otherwise
    "Listing": "SELECT id FROM listing WHERE status = 'ACTIVE' AND visibility = 'PRIVATE' AND deleted_at IS NULL ORDER BY id",
    "Ticket": "SELECT id FROM ticket WHERE status = 'OPEN' AND deleted_at IS NULL ORDER BY id",
    "User": "SELECT user_id FROM membership WHERE role = 'AGENT' ORDER BY id",
    "Membership": "SELECT id FROM membership WHERE role = 'AGENT' ORDER BY id",
    "Sku": "SELECT id FROM sku s WHERE NOT EXISTS (SELECT FROM price_policy p WHERE p.sku_id = s.id) ORDER BY code",
}


def merged(made: Any, given: Any, own: dict[str, str]) -> Any:
    """`given` put over `made`; `*Type` stands for an own id."""
    if isinstance(made, dict) and isinstance(given, dict):
        return {**made, **{name: merged(made.get(name), each, own) for name, each in given.items()}}
    if isinstance(given, dict):
        return {name: merged(None, each, own) for name, each in given.items()}
    if isinstance(made, list) and isinstance(given, list):
        return [merged(a, b, own) for a, b in zip(made, given, strict=True)]
    return own[given[1:]] if isinstance(given, str) and given.startswith("*") else given


def root_of(position: Position) -> str:
    """The root field."""
    return position.path.split(".")[1].split("(")[0]


def type_of(position: Position) -> str | None:
    """The type of the ids that belong there."""
    root = root_of(position)
    steps = [step for step in position.path.split("(")[1].rstrip(")").split(",")[0].split(".") if step != "0"]
    name = steps[-1]
    if name in BY_NAME:
        return BY_NAME[name]
    if name not in ("id", "ids"):
        guess = name.removesuffix("Ids").removesuffix("Id")
        return guess[0].upper() + guess[1:]
    if root in BY_ROOT:
        return BY_ROOT[root]
    fitting = [type_ for type_ in NODES if root.startswith(type_[0].lower() + type_[1:])]
    return max(fitting, key=len, default=None)


class Fuzz:
    """What to put where: ids by type from `here`, `there` and nowhere."""

    def __init__(self, two: Two) -> None:
        self.two, self.rng, self.keys = two, random.Random(SEED), iter(range(10**9))

    async def prepare(self) -> "Fuzz":
        """Choose the own rows, and read their versions as they are now."""
        world = self.two.here.world
        self.own = {name: ids[0] for name, ids in self.two.here.own.items() if ids}
        for name, sql in CHOSEN.items():
            if found := await world.rows(sql):
                self.own[name] = write_id(name, found[0][0])
        self.versions = {}
        for mapper in Model.registry.mappers:
            if "version" in mapper.columns and mapper.class_.__name__ in NODES:
                for id_, version in await world.rows(f"SELECT id, version FROM {mapper.local_table.name}"):  # type: ignore[attr-defined]
                    self.versions[write_id(mapper.class_.__name__, id_)] = version
        return self

    def fill(self, position: Position) -> dict[str, str]:
        own, root = self.own, root_of(position)
        fill = {"*": own["Listing"], "idempotencyKey": f"fuzz-{next(self.keys):020}"}
        fill |= {name: own[type_] for name, type_ in BY_NAME.items() if type_ in own}
        for name in own:
            fill.setdefault(name[0].lower() + name[1:] + "Id", own[name])
        type_ = BY_ROOT.get(root) or max(
            (n for n in NODES if root.startswith(n[0].lower() + n[1:])), key=len, default="Listing"
        )
        return fill | {"id": own[type_]}

    def variables(self, position: Position, id_: str) -> dict[str, Any]:
        made = position.variables(id_, self.fill(position))
        if position.kind == "mutation":
            given = merged(GIVEN.get(root_of(position), {}), GIVEN.get(position.path.split(".", 1)[1], {}), self.own)
            made["it"] = merged(made["it"], given, self.own)
            end, step = made["it"], position.way[:-1]
            if "expectedVersion" in made["it"]:
                made["it"]["expectedVersion"] = self.versions.get(made["it"].get("id"), 1)
            for each in step:  # what was given does not stand in for the id that is asked about
                end = end[each]
            end[position.way[-1]] = id_
        return made

    def unknown(self, type_: str) -> str:
        return write_id(type_, UUID(int=self.rng.getrandbits(128), version=4))

    async def alike(self, position: Position, actor: Actor, foreign: str, unknown: str) -> bytes:
        """The answer to the unknown one; the foreign one's is the same."""
        if position.cursor:
            given = [{"it": foreign}, {"it": unknown}]
        else:
            given = [self.variables(position, foreign), self.variables(position, unknown)]
        asked = [self.two.ask(position, actor, variables) for variables in given]
        answers = [await each for each in asked] if position.kind == "mutation" else await asyncio.gather(*asked)
        assert answers[0] == answers[1], (position.path, actor.role, read_id(foreign), *answers)
        return answers[1]


async def test_a_foreign_id_answers_as_one_that_is_nowhere(two: Two, size: Any) -> None:
    fuzz = await Fuzz(two).prepare()
    share, before_here = size(0.05, 1.0), await digest(two.watching, two.here.tenant_id)
    for position in two.positions:
        fitting = type_of(position)
        for actor in two.here.actors.values():
            if position.cursor:
                own = two.cursors.get(position.path)
                others = fuzz.rng.sample(sorted(two.cursors.values()), size(0, 2))
                chosen = [own] if own and (actor.role is Role.OWNER or fuzz.rng.random() < share) else []
                for cursor in [*chosen, *others]:
                    await fuzz.alike(position, actor, cursor, nearby(cursor))
                continue
            for type_ in NODES:
                foreign = two.there.own.get(type_)
                must = type_ == fitting and actor.role is Role.OWNER
                if foreign and (must or fuzz.rng.random() < share):
                    await fuzz.alike(position, actor, fuzz.rng.choice(foreign), fuzz.unknown(type_))
    remaining = [id_ for type_ in NODES for id_ in two.there.own.get(type_, ())]
    for position in (each for each in two.positions if not each.cursor):
        fits = [
            id_
            for id_ in remaining
            if position.path in ("Query.node(id)", "Query.nodes(ids.0)") or read_id(id_).type_name == type_of(position)
        ]  # type: ignore[union-attr]
        for id_ in fuzz.rng.sample(fits, int(len(fits) * share)):
            await fuzz.alike(position, two.here.actors[Role.OWNER], id_, fuzz.unknown(read_id(id_).type_name))  # type: ignore[union-attr]
    print(
        f"\n{two.calls} calls over {len(two.positions)} positions, {len(NODES)} node types, {len(two.here.actors)} roles"
    )
    assert two.calls >= size(3_000, 50_000)
    assert await digest(two.watching, two.there.tenant_id) == two.before
    after_here = await digest(two.watching, two.here.tenant_id)
    changed = {name for name, was in before_here.items() if after_here[name] != was}
    assert changed <= {"access_refusal"}


UNREACHED: dict[str, str] = {
    "Mutation.otpVerify(input.id)": "a challenge of nobody and a wrong code are one answer: test_signing_in",
    "Mutation.otpVerify(input.membershipId)": "looked at behind a right code only: test_signing_in",
    "Mutation.passwordSignIn(input.membershipId)": "looked at behind a right password only: test_password",
    "Mutation.mfaVerify(input.challengeId)": "a challenge of somebody else and a wrong code are one answer: test_mfa",
    "Query.accessExplain(membershipId)": "asked beside an id that is nowhere; test_explain.py asks it beside one's own",
    "Query.pricePolicySimulate(draft.skuId)": "a draft needs its amount beside it: test_simulation",
}


async def test_every_position_is_looked_at(two: Two) -> None:
    """With an own id the answer differs from the unknown one's, for somebody."""
    fuzz, missed = await Fuzz(two).prepare(), []
    for position in two.positions:
        if position.cursor:
            continue
        fitting = type_of(position)
        types = ([fitting] if fitting in two.here.own else []) + [
            t for t in NODES if t != fitting and two.here.own.get(t)
        ]
        if not await _looked_at(fuzz, position, types[: 1 if fitting in two.here.own else None]):
            missed.append(position.path)
    assert not set(missed) ^ set(UNREACHED), "\n".join(sorted(set(missed) ^ set(UNREACHED)))


async def _looked_at(fuzz: Fuzz, position: Position, types: list[str]) -> bool:
    for actor in (
        fuzz.two.here.actors[role] for role in (Role.OWNER, Role.DEALER, Role.CUSTOMER, Role.OPS, Role.SERVICE)
    ):
        for type_ in types:
            if position.kind == "mutation":
                await fuzz.prepare()
            nowhere = await fuzz.two.ask(position, actor, fuzz.variables(position, fuzz.unknown(type_)))
            for own in fuzz.two.here.own[type_][:12]:
                if await fuzz.two.ask(position, actor, fuzz.variables(position, own)) != nowhere:
                    return True
    return False


async def test_an_id_of_another_type_is_no_rows(two: Two) -> None:
    """And not `IS NULL`, which would answer with the rows that have nothing there."""
    fuzz, owner = await Fuzz(two).prepare(), two.here.actors[Role.OWNER]
    of_one_type = [
        each
        for each in two.positions
        if each.kind == "query"
        and not each.cursor
        and type_of(each)
        and "subject" not in each.path
        and "Query.node" not in each.path
    ]
    assert len(of_one_type) > 50
    for position in of_one_type:
        fitting = str(type_of(position))
        other = fuzz.own["Competitor" if fitting != "Competitor" else "Sku"]
        nowhere = await two.ask(position, owner, {"it": fuzz.variables(position, fuzz.unknown(fitting))["it"]})
        assert await two.ask(position, owner, fuzz.variables(position, other)) == nowhere, position.path


async def test_the_canary_shows_in_no_random_document(two: Two, size: Any) -> None:
    """Random documents with foreign ids, foreign cursors and the canary's own word, queries and mutations."""
    rng = random.Random(SEED)
    mixed = {name: [*ids[:4], *two.here.own.get(name, [])[:4]] for name, ids in two.there.own.items() if ids}
    pools: dict[str, Any] = {"ids": mixed, "cursors": {"": list(two.cursors.values())}, "query": [WORD, "listing"]}
    pools["ids"] |= {name: mixed[type_] for name, type_ in BY_NAME.items() if type_ in mixed}
    asked = 0
    for n in range(size(150, 1_500)):
        generator = Generator(schema._schema, rng, pools, depth=rng.randint(2, 6))
        mutation = n % 4 == 0
        root = schema._schema.mutation_type if mutation else None
        text = generator.document(root, "mutation" if mutation else "query")
        if two.souk.runner.document(text).errors:
            continue
        asked += 1
        for actor in rng.sample(two.here.everybody, 2):
            body = (await two.souk.runner.answer(text, generator.values(), None, two.context(actor))).body
            two.clean(body, text, actor.role)
    assert asked > size(75, 750)
    assert await digest(two.watching, two.there.tenant_id) == two.before


def test_the_canary_is_in_every_text(two: Two) -> None:
    """What could not be planted are closed words: columns that a constraint holds to a list."""
    closed = {
        f"{name}.{column.name}" for name, table in Model.metadata.tables.items() for column in table.c
        if any(f"{column.name} " in str(getattr(c, "sqltext", "")) or f"{column.name})" in str(getattr(c, "sqltext", "")) for c in table.constraints)
    }  # fmt: skip
    assert set(two.refused.values()) <= {"CheckViolationError"}, two.refused
    assert set(two.refused) <= closed
    assert len(two.planted) > 100


@pytest.mark.parametrize("which", ["here", "there"])
async def test_every_table_of_a_tenant_has_rows_in_both(two: Two, which: str) -> None:
    """So that no later table escapes: a table below three rows is named here. A chain's head is one row per tenant."""
    found = await rows_of(two.souk, getattr(two, which).tenant_id)
    keyed = {
        name for name, table in Model.metadata.tables.items() if [c.name for c in table.primary_key] == ["tenant_id"]
    }
    assert {name for name, rows in found.items() if rows < (1 if name in keyed else 3)} == set()
