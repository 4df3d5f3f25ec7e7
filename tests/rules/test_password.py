"""What a password may be."""

import pytest

from souk.rules.password import forms, normal, problems

ABOUT = ("Ann Hathaway-Smith", "Ann.Smithers@example.com", "+919800000001", "Pharos")


@pytest.mark.parametrize(
    ("password", "codes"),
    [
        ("tidal-quartz-91", []),
        ("ninechars", ["INVALID"]),
        ("ten chars!", []),
        ("aaaabbbbccccdddd", ["INVALID"]),
        ("aabb", ["INVALID", "INVALID"]),
        ("x" * 100 + "abcd" * 39, []),
        ("x" * 100 + "abcd" * 40, ["TOO_LONG"]),
        ("my HATHAWAY house", ["INVALID"]),
        ("smithers rides on", ["INVALID"]),
        ("lighthouse of pharos", ["INVALID"]),
        ("call +919800000001", ["INVALID"]),
        ("annex by the example", []),
    ],
)
def test_length_variety_and_what_it_protects(password: str, codes: list[str]) -> None:
    assert [each.code.value for each in problems(password, ABOUT)] == codes


def test_what_looks_the_same_is_the_same() -> None:
    assert normal("ｐａｓｓ①") == "pass1"
    assert normal(" kept ") == " kept "


def test_the_forms_under_which_a_list_is_asked() -> None:
    assert forms("Password2026!") == {"Password2026!", "password2026!", "password"}
    assert forms("12345678") == {"12345678"}
