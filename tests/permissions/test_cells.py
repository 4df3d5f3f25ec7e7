"""Every cell of the matrix with a surface here, by real requests: permission × role × own and other.

This file reads and acts on what is there; `test_making.py` makes something new, `test_fields.py` asks for single fields.
"""

from dataclasses import replace
from uuid import UUID

import pytest

from souk.engine.symbols import write_id
from souk.permissions.roles import MATRIX
from souk.rules.actor import Actor, Role
from tests.permissions.acts import ACTS
from tests.permissions.conftest import Cells, scoped
from tests.permissions.probes import QUESTIONS, READS, TABLE, WRITES, Probe, with_a_surface

OTHERWISE = {"dashboard:read", "lead:contact", "permission:read", "upload:create"}
"""Asked by tests of their own: numbers over many rows, a union, a field that has no row, an address beside the endpoint."""


def test_every_row_of_the_matrix_with_a_surface_is_asked() -> None:
    """And nothing is asked of a row that has none."""
    asked = {probe.row for probe in [*READS, *WRITES, *ACTS]} | {row for row, _ in QUESTIONS} | OTHERWISE
    assert with_a_surface() == asked and asked <= set(MATRIX)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("probe", READS, ids=lambda probe: probe.row)
async def test_a_cell_of_reading(cells: Cells, probe: Probe, role: Role) -> None:
    letter = MATRIX[probe.row].cells[role].letter
    actor = scoped(cells.actors[role], probe, True)
    own, other = await cells.ids(probe, actor)
    root = probe.root or probe.type[0].lower() + probe.type[1:]
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


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("row", "field"), QUESTIONS, ids=lambda each: each.partition(" ")[0])
async def test_a_cell_of_asking(cells: Cells, row: str, field: str, role: Role) -> None:
    """A root that is asked of no row: given, or null with FORBIDDEN; nothing changes by it but the record of refusals."""
    letter, actor, before = MATRIX[row].cells[role].letter, cells.actors[role], await cells.everything()
    name, id_ = field.split("(")[0].split(" ")[0], cells.two.here.own["Listing"][0]

    async def asked(who: Actor) -> tuple[bool, list[tuple[str, list[str]]]]:
        head = "query($id: ID!)" if "$id" in field else "query"
        found = await cells.ask(who, f"{head} {{ {field} }}", {"id": id_} if "$id" in field else {})
        return found["data"][name] is not None, [(e["extensions"]["code"], e["path"]) for e in found.get("errors", ())]

    refused = (False, [("FORBIDDEN", [name])])
    match letter:
        case "T":
            assert await asked(actor) == (True, [])
        case "S":
            assert await asked(replace(actor, scopes=frozenset({row}))) == (True, [])
            assert await asked(replace(actor, scopes=actor.scopes - {row})) == refused
        case _:
            assert letter == "-" and await asked(actor) == refused
    assert await cells.everything() == before


OF_NO_KIND = {("batch:control", Role.AGENT), ("batch:control", Role.CUSTOMER)}
"""Batches ask two questions: they bring nothing in, and so steer no IMPORT; an export of their own they do."""


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("probe", WRITES, ids=lambda probe: probe.row)
async def test_a_cell_of_writing(cells: Cells, probe: Probe, role: Role) -> None:
    """Denied: FORBIDDEN at the root, or userErrors FORBIDDEN or NOT_FOUND, and the row as it was. Else anything but these."""
    cell = MATRIX[probe.row].cells[role]
    letter = (
        "O" if cell.condition == "(no OWNER)" else cell.letter
    )  # everybody but those: own and other in a wider sense
    actor = cells.actors[role]
    if role is Role.SERVICE:
        reads = [name for name in MATRIX if name.endswith((":read", ":readUnpublished"))]
        actor = replace(actor, scopes=frozenset((probe.row, *reads, "batch:import")))
    own, other = await cells.ids(probe, actor)
    await cells.fuzz.prepare()
    position = next(each for each in cells.two.positions if each.path == f"Mutation.{probe.mutation}(input.id)")

    async def act(id_: UUID, who: Actor = actor) -> str:
        ((version,),) = await cells.two.here.world.rows(
            f"SELECT version FROM {TABLE[probe.type]} WHERE id = :id", id=id_
        )
        cells.fuzz.versions[write_id(probe.type, id_)] = version
        variables = cells.fuzz.variables(position, write_id(probe.type, id_))
        if probe.row == "user:setRole" and role is Role.DEALER:  # a dealer appoints to its own organisation alone
            variables["it"] |= {"role": "DEALER", "dealerId": write_id("Dealer", actor.dealer_id or UUID(int=0))}
        if probe.row == "lead:assign" and role is Role.SALES:  # a lead that nobody has, to oneself
            variables["it"]["assigneeId"] = write_id("User", actor.user_id or UUID(int=0))
        found = await cells.ask(who, position.document, variables)
        payload = found["data"][probe.mutation]
        if payload is None:
            return f"ROOT {found['errors'][0]['extensions']['code']}"
        return payload["userErrors"][0]["code"] if payload["userErrors"] else "DONE"

    async def denied(ids: list[UUID], codes: set[str], who: Actor = actor) -> None:
        """Each refused with one of these codes, and nothing of the tenant is another than before."""
        before = await cells.everything()
        assert {await act(id_, who) for id_ in ids} <= codes
        assert await cells.everything() == before

    match letter:
        case "-":
            assert [*own, *other], "the test has nothing to act on"
            await denied([*own[:1], *other[:1]], {"ROOT FORBIDDEN"})
        case "O":
            assert other, "the test has nothing of others to act on"
            await denied(other[:2], {"FORBIDDEN", "NOT_FOUND"})
            assert own, "the test has nothing of its own to act on"
            if (probe.row, role) in OF_NO_KIND:
                await denied(own[:3], {"FORBIDDEN"})
                return
            codes = [await act(id_) for id_ in own[:3]]
            assert not set(codes) & {"ROOT FORBIDDEN", "FORBIDDEN", "NOT_FOUND"}, codes
        case _:
            codes = [await act(id_) for id_ in [*own[:1], *other[:2]]]
            assert set(codes) - {"ROOT FORBIDDEN", "FORBIDDEN", "NOT_FOUND"}, codes
            assert "ROOT FORBIDDEN" not in codes
    if letter == "S":
        await denied(other[:1], {"ROOT FORBIDDEN"}, replace(actor, scopes=actor.scopes - {probe.row}))
