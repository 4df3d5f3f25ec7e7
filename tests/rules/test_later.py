"""What the machines ask is done, or owed by a later part: nothing is forgotten and nothing is claimed twice."""

import json
import pkgutil
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

import souk
from souk.rules.clauses import _TWO_IN_ONE, DONE, all_clauses, clauses, find, implements
from souk.rules.later import CLAUSES, MACHINES, PARTS, TRIGGERS, idle_triggers, later
from souk.rules.machines import machines
from souk.schema import schema

BY_CHUNK = {  # steps of items, taken by one statement for a whole chunk, which names their states instead
    ("BatchItem", event) for event in (
        "worker lease", "action ok", "retryable error", "lease lost", "nextAttemptAt", "error that no retry cures",
        "attempts exhausted", "drift", "permission lost", "already done", "batch cancelled", "batch rolled back",
        "compensation failed",
    )
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _everything_imported() -> None:
    for module in pkgutil.walk_packages(souk.__path__, "souk."):
        if not module.name.startswith("souk.migrations.") and not module.name.endswith("__main__"):
            import_module(module.name)


def test_done_later_and_waiting_are_exactly_what_the_machines_ask() -> None:
    everything = {str(clause) for clause in all_clauses()}
    done, owed = {str(clause) for clause in DONE}, {str(clause) for clause in later()}
    assert len(everything) == len(all_clauses())
    assert sorted(done & owed) == []
    assert sorted(everything - done - owed) == [], "neither done nor listed"
    assert sorted((done | owed) - everything) == [], "nobody asks for these"


def test_every_clause_done_names_its_code() -> None:
    assert [str(clause) for clause, by in DONE.items() if not by.startswith("souk.")] == []


def test_the_lists_of_later_are_tight() -> None:
    assert list(idle_triggers()) == []
    assert set(MACHINES) <= set(machines())
    assert set(later().values()) == set(PARTS)
    assert not set(MACHINES) & set(TRIGGERS)
    listed = [m for missing in CLAUSES.values() for m in missing]
    assert len(set(listed)) == len(listed)


def test_each_trigger_that_is_not_to_come_can_be_pulled() -> None:
    """A row with several triggers is there with the first of them; the others are to be there too, or on the list."""
    mutations = set(schema._schema.mutation_type.fields)
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(souk.__path__[0]).rglob("*.py"))
    missing = []
    for name, found in machines().items():
        to_come = {text for texts in TRIGGERS.get(name, {}).values() for text in texts}
        for trigger in {trigger for row in found.rows for trigger in row.triggers}:
            if name in MACHINES or str(trigger) in to_come:
                continue
            there = trigger.mutation in mutations if trigger.mutation else f'"{trigger.event}"' in sources
            if not there and (name, trigger.event) not in BY_CHUNK:
                missing.append(f"{name} {trigger}")
    assert sorted(missing) == []


def test_the_clauses_are_the_words_of_the_table() -> None:
    """Nothing of a text is lost or added when it is cut up, but for the words that point at another row."""
    table = json.loads(files("souk.rules").joinpath("machines.json").read_text(encoding="utf-8"))
    texts = {text for m in table.values() for t in m["transitions"] for text in (t["guard"], t["effect"]) if text}
    parts = {part for text in texts for part in text.split("; ")}
    known = {clause.text for clause in all_clauses()}
    pointers = {part for part in parts - known if part not in _TWO_IN_ONE}
    assert pointers == {
        "as above",
        "as above, for the remainder",
        "as dealerReinstate",
        "as listingSubmit",
        "same",
        "same (the turn flips)",
    }
    halves = {half for two in _TWO_IN_ONE.values() for half in two}
    assert known - parts == (halves | {"for the remainder", "the turn flips"}) - parts
    for text, two in _TWO_IN_ONE.items():
        assert all(part in text for part in two)


def test_a_reference_means_the_row_it_points_at() -> None:
    assert [c.text for c in clauses("Offer") if (c.from_, c.to, c.side) == ("COUNTERED", "COUNTERED", "guard")] == [
        "the party that did not make the head revision",
        "expectedVersion",
        "round ≤ 10",
        "bid < amount < ask",
        "the turn flips",
    ]
    renew = [c.text for c in clauses("Listing") if (c.from_, c.to, c.side) == ("EXPIRED", "PENDING_REVIEW", "guard")]
    submit = [c.text for c in clauses("Listing") if (c.from_, c.to, c.side) == ("DRAFT", "PENDING_REVIEW", "guard")]
    assert renew == submit
    assert len(submit) == 5
    back = [c.text for c in clauses("DealerStanding") if c.trigger == "(batch rolled back)" and c.to == "RESTRICTED"]
    assert back[0] == "listings return to what they were"
    failed = [c.text for c in clauses("Payout") if (c.from_, c.to, c.side) == ("FAILED", "CANCELLED", "effect")]
    assert failed == ["transfers go to the next payout"]


def test_nobody_claims_what_no_row_asks() -> None:
    with pytest.raises(LookupError):
        implements("Listing", "DRAFT", "PENDING_REVIEW", guard="dealer is nice")
    with pytest.raises(LookupError):
        implements("Listing", ("DRAFT", "ACTIVE"), "PENDING_REVIEW", guard="dealer in order")
    with pytest.raises(LookupError):
        find("Ticket", "RESOLVED", "OPEN", "effect", "reopenCount + 1", trigger="ticketMerge")
    assert len(find("Ticket", "RESOLVED", "OPEN", "effect", "reopenCount + 1")) == 2
    assert len(find("Ticket", "RESOLVED", "OPEN", "effect", "reopenCount + 1", trigger="(reopening approved)")) == 1
