"""The closed words are the machines' states, no more and no fewer."""

import pytest

from souk.rules import enums
from souk.rules.errors import DESCRIPTIONS
from souk.rules.machines import machines, states

NAMES = {"User": "UserStatus", "DealerVerification": "DealerVerification", "DealerStanding": "DealerStanding"}
OF_MACHINE = {
    name: getattr(enums, NAMES.get(name, f"{name}Status"))
    for name in machines()
    if hasattr(enums, NAMES.get(name, f"{name}Status"))
}


def test_every_machine_of_this_part_has_its_words() -> None:
    assert set(OF_MACHINE) >= {
        "User",
        "DealerVerification",
        "DealerStanding",
        "Listing",
        "Lead",
        "LeadUnlock",
        "Offer",
        "Deal",
        "Ticket",
        "Alert",
        "Task",
        "Batch",
        "BatchItem",
    }


@pytest.mark.parametrize("name", sorted(OF_MACHINE))
def test_the_words_are_the_states(name: str) -> None:
    assert {str(word) for word in OF_MACHINE[name]} == set(states(name))


def test_every_word_is_described() -> None:
    words = [w for c in vars(enums).values() if isinstance(c, type) and issubclass(c, enums.Described) for w in c]
    assert len(words) > 150
    assert [w for w in words if not w.doc.strip()] == []
    assert all(DESCRIPTIONS.values())
