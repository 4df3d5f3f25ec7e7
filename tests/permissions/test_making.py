"""The cells of acts that make something, or that share a mutation with another row: by real requests, with their effect."""

from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLObjectType

from souk.permissions.roles import MATRIX
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.permissions.acts import ACTS, Act
from tests.permissions.conftest import Cells

MUTATIONS = schema._schema.mutation_type
assert isinstance(MUTATIONS, GraphQLObjectType)
KEYED = {
    name
    for name, field in MUTATIONS.fields.items()
    if "idempotencyKey" in field.args["input"].type.of_type.fields  # type: ignore[union-attr]
}


async def act(cells: Cells, probe: Act, actor: Actor, own: bool) -> tuple[str, set[str]] | None:
    """The code of what was answered (ROOT: before anything was looked at), and the tables that it changed."""
    given = await probe.given(cells, actor, own)
    if given is None:
        return None
    if probe.mutation in KEYED:
        given = {"idempotencyKey": cells.two.here.world.key(), **given}
    type_ = probe.mutation[0].upper() + probe.mutation[1:] + "Input"
    document = f"mutation($i: {type_}!) {{ {probe.mutation}(input: $i) {{ userErrors {{ code message }} }} }}"
    before = await cells.everything()
    found = await cells.ask(actor, document, {"i": given})
    changed = {name for name, each in (await cells.everything()).items() if before[name] != each}
    payload = found["data"][probe.mutation]
    if payload is None:
        return "ROOT " + found["errors"][0]["extensions"]["code"], changed
    return payload["userErrors"][0]["code"] if payload["userErrors"] else "DONE", changed


CELLS = [pytest.param(act, role, id=f"{act.row}-{role}") for act in ACTS for role in Role if role not in act.besides]


def test_no_role_is_left_out() -> None:
    """What one act of a row cannot ask of a role, another one does."""
    for row in {probe.row for probe in ACTS}:
        assert {role for probe in ACTS if probe.row == row for role in Role if role not in probe.besides} == set(Role)


@pytest.mark.parametrize(("probe", "role"), CELLS)
async def test_a_cell_of_making(cells: Cells, probe: Act, role: Role) -> None:
    """Denied: FORBIDDEN before anything is looked at, or, where another row lets the role in, after; and nothing has changed."""
    letter = MATRIX[probe.row].cells[role].letter
    actor = cells.actors[role]
    if role is Role.SERVICE:
        actor = replace(actor, scopes=frozenset((probe.row, *probe.also)))
    let_in = any(MATRIX[row].admits(actor.facts) for row in probe.door if row != probe.row)
    world: Any = cells.two.here.world
    newest = f"SELECT {probe.mine or 'true'} FROM {probe.changes} ORDER BY created_at DESC, id DESC LIMIT 1"
    match letter:
        case "-" if let_in:
            for own in probe.refused:
                found = await act(cells, probe, actor, own)
                refused = found is None or (found[0] in ("FORBIDDEN", "NOT_FOUND") and not found[1])
                assert refused or (probe.instead and found and probe.changes not in found[1]), (own, found)
        case "-":
            found = await act(cells, probe, actor, own=True) or await act(cells, probe, actor, own=False)
            assert found == ("ROOT FORBIDDEN", set())
        case "O":
            found = await act(cells, probe, actor, own=True)
            assert found is not None and found[0] == "DONE" and probe.changes in found[1], found
            if probe.mine:
                values = {"user": actor.user_id, "dealer": actor.dealer_id}
                used = {name: value for name, value in values.items() if f":{name}" in probe.mine}
                assert await world.rows(newest, **used) == [(True,)]
            found = await act(cells, probe, actor, own=False)
            assert found is None or (found[0] in ("FORBIDDEN", "NOT_FOUND") and not found[1]), ("another's", found)
        case _:
            found = await act(cells, probe, actor, own=False) or await act(cells, probe, actor, own=True)
            assert found is not None and found[0] == "DONE" and probe.changes in found[1], found
    if letter == "S":
        without = replace(actor, scopes=frozenset(probe.also))
        found = await act(cells, probe, without, own=True) or await act(cells, probe, without, own=False)
        assert found is not None and found[0].removeprefix("ROOT ") == "FORBIDDEN" and not found[1], found


async def test_the_kinds_that_the_matrix_withholds_from_a_dealer_are_withheld_from_its_token(cells: Cells) -> None:
    """A token of a dealer does what its scopes name for that dealer alone."""
    (probe,) = (each for each in ACTS if each.row == "batch:import")
    dealer, other = cells.two.here.world.dealer, cells.two.here.world.other_dealer
    actor = replace(
        cells.actors[Role.SERVICE], scopes=frozenset((probe.row, *probe.also)), dealer_id=dealer, user_id=None
    )
    found = await act(cells, probe, actor, own=True)
    assert found is not None and (found[0], "batch_preview" in found[1]) == ("DONE", True)
    given = await probe.given(cells, actor, True)
    assert given is not None
    given["plan"]["dealerId"] = next(id_ for id_ in cells.two.here.own["Dealer"] if id_ != given["plan"]["dealerId"])
    assert other != dealer
    document = "mutation($i: BatchPreviewInput!) { batchPreview(input: $i) { userErrors { code } } }"
    before = await cells.everything()
    refused = await cells.ask(actor, document, {"i": given})
    assert refused["data"]["batchPreview"]["userErrors"][0]["code"] in ("FORBIDDEN", "NOT_FOUND")
    assert await cells.everything() == before
