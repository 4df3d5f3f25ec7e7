"""Refusals: every code of the contract has a class, a sentence and a place in the idempotency rules."""

from datetime import UTC, datetime

import pytest

from souk.rules import errors
from souk.rules.errors import (
    DESCRIPTIONS,
    STORED,
    Invalid,
    InvalidInput,
    InvalidTransition,
    NotUnique,
    NotYourTurn,
    OfferExpired,
    Problems,
    Refused,
    Required,
    StaleVersion,
    TooLong,
    UserErrorCode,
    revive,
)

CLASSES = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Refused) and c is not Refused]


def test_every_code_has_one_class_and_one_description() -> None:
    assert sorted(c.code for c in CLASSES) == sorted(UserErrorCode)
    assert set(DESCRIPTIONS) == set(UserErrorCode)
    assert len(set(DESCRIPTIONS.values())) == len(DESCRIPTIONS) == 27


def test_exactly_the_refusals_a_caller_cannot_cure_are_stored() -> None:
    assert {str(code) for code in STORED} == {"INVALID_TRANSITION", "NOT_YOUR_TURN", "OFFER_EXPIRED", "NOT_UNIQUE"}
    assert NotYourTurn().stored
    assert not StaleVersion(3).stored


def test_a_refusal_carries_its_field_and_its_facts() -> None:
    refusal = InvalidTransition("DRAFT", "ACTIVE", ["PENDING_REVIEW", "ARCHIVED"])
    assert refusal.facts() == {"from_": "DRAFT", "to": "ACTIVE", "allowed": ["PENDING_REVIEW", "ARCHIVED"]}
    assert refusal.message == "DRAFT does not lead to ACTIVE."
    assert StaleVersion(7).field == ("expectedVersion",)
    assert Required(field=["items", "0"]).field == ("items", "0")
    assert Required().message == "This is required."


@pytest.mark.parametrize(
    "refusal",
    [
        InvalidTransition("ACCEPTED", "COUNTERED", []),
        InvalidTransition("A", "B", ["C"], "in other words"),
        OfferExpired(datetime(2026, 11, 20, 8, tzinfo=UTC)),
        NotYourTurn(),
        NotUnique("That code is taken.", field="code"),
    ],
)
def test_a_stored_refusal_comes_back_as_it_was(refusal: Refused) -> None:
    assert revive(refusal.code, refusal.message, refusal.field, refusal.facts()) == refusal


def test_what_is_never_stored_is_never_revived() -> None:
    with pytest.raises(ValueError, match="STALE_VERSION"):
        revive("STALE_VERSION", "", None, {"current_version": 1})


def test_all_problems_of_an_input_are_reported_together() -> None:
    def refuse() -> int:
        raise TooLong(5)

    def refuse_several() -> int:
        raise InvalidInput([Invalid(field="amount"), Required()])

    problems = Problems()
    assert problems.take(lambda: 3, "n") == 3
    problems.check()
    assert problems.take(refuse, "title") is None
    assert problems.take(refuse_several, "price") is None
    problems.add(Required(), "sku")
    with pytest.raises(InvalidInput) as caught:
        problems.check()
    assert [(p.code, p.field) for p in caught.value.problems] == [
        ("TOO_LONG", ("title",)),
        ("INVALID", ("price", "amount")),
        ("REQUIRED", ("price",)),
        ("REQUIRED", ("sku",)),
    ]
