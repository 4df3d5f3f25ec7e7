"""Every guarded field of every row that is seen, as every role: shown, or null with FORBIDDEN at its path; and the redaction union."""

from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type

from souk.engine.errors import LISTED
from souk.engine.notes import Either, guards_of, note_of
from souk.engine.symbols import read_id
from souk.permissions.base import AnyOf
from souk.permissions.roles import MATRIX
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.bazaar import EVERY_SCOPE
from tests.isolation.positions import selection
from tests.permissions.conftest import Cells
from tests.permissions.probes import ANSWERED, OWN, PARTY, Probe, rows_of_the_matrix

NODE = schema._schema.type_map["Node"]
assert isinstance(NODE, GraphQLInterfaceType)
NODES = {type_.name for type_ in schema._schema.get_possible_types(NODE)}
NESTED = {"VehicleDetail": ("Listing", "vehicle { %s }")}
"""Types with guarded fields that are no nodes: where they stand."""
ANSWERS = "(t.team_id IS NOT NULL AND t.team_id = :team)"
FIELD_OWN: dict[tuple[str, str], dict[str, str]] = {  # what is one's own, where it is not what the type's row says
    ("offer:read", "OfferRevision"): {
        role: f"offer_id IN (SELECT id FROM offer WHERE {own})" for role, own in PARTY.items()
    },
    ("listing:readPrivate", "VehicleDetail"): {"DEALER": "id IN (SELECT id FROM listing WHERE dealer_id = :dealer)"},
    ("audit:read", "AuditEvent"): {role.value: "actor_id = :user" for role in Role if role is not Role.PUBLIC},
    ("ticket:internal", "Ticket"): {"AGENT": ANSWERS},
    ("ticket:read", "TicketComment"): {
        role: f"ticket_id IN (SELECT id FROM ticket t WHERE deleted_at IS NULL AND {own})"
        for role, own in OWN["Ticket"].items()
    },
    ("ticket:read", "DomainEvent"): {
        role: f"subject_id IN (SELECT id FROM ticket t WHERE deleted_at IS NULL AND {own})"
        for role, own in OWN["Ticket"].items()
    },
    ("alert:read", "DomainEvent"): {
        role: f"subject_id IN (SELECT id FROM alert t WHERE {own})" for role, own in OWN["Alert"].items()
    },
    ("ticket:internal", "TicketComment"): {"AGENT": f"ticket_id IN (SELECT id FROM ticket t WHERE {ANSWERS})"},
    ("user:readStaff", "User"): dict.fromkeys(("DEALER", "CUSTOMER"), ANSWERED),
}
WITHIN = {
    ("user:readStaff", "User"): "staff",
    ("ticket:read", "DomainEvent"): "subject_type = 'Ticket'",
    ("alert:read", "DomainEvent"): "subject_type = 'Alert'",
    ("ticket:read", "TicketComment"): "visibility = 'PUBLIC'",
    ("ticket:internal", "TicketComment"): "visibility = 'INTERNAL'",
}
"""What a row covers of the type at all."""


def guarded() -> dict[str, dict[str, Any]]:
    """By type: the fields that a guard withholds, but for redaction unions."""
    found: dict[str, dict[str, Any]] = {}
    for name, type_ in schema._schema.type_map.items():
        for field, each in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
            note = note_of(each.extensions.get("strawberry-definition"))
            if not isinstance(note, Either) and (guards := guards_of(note)):
                (found.setdefault(name, {})[field],) = guards
    return found


GUARDED = guarded()
FIELDS = {type_: fields for type_, fields in GUARDED.items() if type_ in NODES or type_ in NESTED}


def test_each_type_with_a_guarded_field_is_asked() -> None:
    assert set(GUARDED) - set(FIELDS) == {"LeadContactOpen"}, "the case of a union, which is asked below"
    assert sum(len(fields) for fields in FIELDS.values()) >= 35


async def expected(cells: Cells, type_: str, guard: Any, actor: Actor) -> set[str]:
    """The ids of the rows whose field is shown, from the matrix and from what is one's own."""
    shown: set[str] = set()
    for part in guard.parts if isinstance(guard, AnyOf) else [guard]:
        (row,) = rows_of_the_matrix(part)
        letter = MATRIX[row].cells[actor.role].letter
        own = FIELD_OWN.get((row, type_), OWN.get(type_, {}))
        probe = Probe(row, type_, only=WITHIN.get((row, type_), "true"), own=tuple(own.items()))
        mine, others = await cells.ids(probe, actor)
        withheld = letter == "O" or (letter == "M" and part.marked)
        if letter == "-" or (letter == "S" and row not in actor.scopes):
            continue
        shown |= {str(id_) for id_ in (mine if withheld else [*mine, *others])}
    return shown


async def seen(cells: Cells, type_: str, actor: Actor) -> list[tuple[str, set[str], set[str]]]:
    """Of each row that the actor sees: its id, the fields that were shown, and those that were withheld."""
    fields = " ".join(
        f"{name} {selection(get_named_type(schema._schema.type_map[type_].fields[name].type))}"  # type: ignore[union-attr]
        for name in FIELDS[type_]
    )
    of, inside = NESTED.get(type_, (type_, "%s"))
    document = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on {of} {{ {inside % fields} }} }} }}"
    ids, at_once = cells.two.here.own[of][:100], max(1, LISTED // len(FIELDS[type_]))  # an answer lists so many errors
    rows = []
    for start in range(0, len(ids), at_once):
        some = ids[start : start + at_once]
        found = await cells.ask(actor, document, {"ids": some})
        errors = found.get("errors", [])
        assert {each["extensions"]["code"] for each in errors} <= {"FORBIDDEN"}
        places = {(each["path"][1], each["path"][-1]) for each in errors if len(each["path"]) > 2}
        for n, row in enumerate(found["data"]["nodes"] or []):
            body = row if row is None or of == type_ else row[inside.split()[0]]
            if body is None or not set(FIELDS[type_]) <= set(body):
                continue
            withheld = {name for name in FIELDS[type_] if (n, name) in places}
            assert all(body[name] is None for name in withheld)
            id_ = read_id(some[n])
            assert id_ is not None
            rows.append((str(id_.row_id), set(FIELDS[type_]) - withheld, withheld))
    return rows


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("type_", FIELDS)
async def test_the_guarded_fields_of_a_type(cells: Cells, type_: str, role: Role) -> None:
    actor = cells.actors[role]
    if role is Role.SERVICE:
        actor = replace(actor, scopes=EVERY_SCOPE)
    rows = await seen(cells, type_, actor)
    for name, guard in FIELDS[type_].items():
        open_ = await expected(cells, type_, guard, actor)
        for id_, shown, _ in rows:
            assert (name in shown) is (id_ in open_), (name, id_)
        letters = {MATRIX[row].cells[role].letter for row in rows_of_the_matrix(guard)}
        if "T" in letters:
            assert any(name in shown for _, shown, _ in rows), (name, "shown to nobody")
        if letters == {"M"} and getattr(guard, "marked", False):
            assert any(name in withheld for _, _, withheld in rows), (name, "withheld of nothing")
    for row in {row for guard in FIELDS[type_].values() for row in rows_of_the_matrix(guard)} if actor.scopes else ():
        without = replace(actor, scopes=actor.scopes - {row})
        for name, guard in FIELDS[type_].items():
            open_ = await expected(cells, type_, guard, without)
            for id_, shown, _ in await seen(cells, type_, without):
                assert (name in shown) is (id_ in open_), (name, id_, "without the scope")


UNLOCKED = (
    "EXISTS (SELECT FROM lead_unlock u WHERE u.lead_id = t.id AND u.dealer_id = :dealer AND u.status <> 'REFUNDED')"
)
CONTACT = {"SALES": "assignee_id = :user", "CUSTOMER": "user_id = :user", "DEALER": f"user_id = :user OR {UNLOCKED}"}
LOCKED = {Role.SALES: {"NOT_ASSIGNED"}, Role.DEALER: {"NOT_UNLOCKED"}}


@pytest.mark.parametrize("role", Role)
async def test_the_contact_of_a_lead_is_open_or_says_why_not(cells: Cells, role: Role) -> None:
    """lead:contact: the union's open case where T, S, or own; the locked one with the reason everywhere else."""
    letter = MATRIX["lead:contact"].cells[role].letter
    actor = cells.actors[role]
    if role is Role.SERVICE:
        actor = replace(actor, scopes=frozenset({"lead:read", "lead:contact"}))
    own, others = await cells.ids(Probe("lead:contact", "Lead", own=tuple(CONTACT.items())), actor)
    document = """query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Lead { contact { __typename
        ... on LeadContactOpen { name phone message } ... on LeadContactLocked { reason } } } } }"""

    async def contacts(who: Actor) -> dict[str, Any]:
        found = await cells.ask(who, document, {"ids": cells.two.here.own["Lead"][:100]})
        assert {each["extensions"]["code"] for each in found.get("errors", [])} <= {"FORBIDDEN"}
        rows = [row for row in found["data"]["nodes"] or [] if row]
        return {str(read_id(row["id"]).row_id): row["contact"] for row in rows}  # type: ignore[union-attr]

    shown = await contacts(actor)
    if MATRIX["lead:read"].cells[role].letter == "-":
        assert shown == {}
        return
    open_ = {str(id_) for id_ in ([*own, *others] if letter in "TS" else own if letter == "O" else [])}
    assert shown and {id_ for id_, each in shown.items() if each["__typename"] == "LeadContactOpen"} == open_ & set(
        shown
    )
    for id_, contact in shown.items():
        if id_ in open_:
            assert contact["name"].startswith("Asker ") and contact["phone"] and contact["message"]
        else:
            assert contact["reason"] in LOCKED.get(role, {"MASKED"})
    if letter == "O":
        assert open_ & set(shown), "nothing of its own"
    if letter in "OM" and role is not Role.CUSTOMER:
        assert set(shown) - open_, "nothing is locked"
    if role is Role.SERVICE:
        locked = await contacts(replace(actor, scopes=frozenset({"lead:read"})))
        assert {each["reason"] for each in locked.values()} == {"MASKED"}


@pytest.mark.parametrize("role", Role)
async def test_the_matrix_is_read_by_whom_it_says(cells: Cells, role: Role) -> None:
    """permission:read: the whole of it, or null with FORBIDDEN."""
    actor = cells.actors[role]
    for scopes in ({"permission:read"}, {"listing:read"}) if role is Role.SERVICE else (set(),):
        found = await cells.ask(replace(actor, scopes=frozenset(scopes)), "{ permissionMatrix { name } }", {})
        if MATRIX["permission:read"].admits(replace(actor, scopes=frozenset(scopes)).facts):
            assert [row["name"] for row in found["data"]["permissionMatrix"]] == list(MATRIX)
        else:
            assert found["data"] == {"permissionMatrix": None}
            assert [each["extensions"]["code"] for each in found["errors"]] == ["FORBIDDEN"]
