"""Text of people: one normal form, nothing hidden in it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules import text
from souk.rules.errors import Invalid, Refused, Required, TooLong


@given(st.text())
def test_any_text_is_normal_afterwards_or_refused(value: str) -> None:
    for read in (text.line, text.body):
        try:
            once = read(value, 50)
        except Refused:
            continue
        assert read(once, 50) == once == once.strip()
        assert unicodedata.is_normalized("NFC", once)
        assert 1 <= len(once) <= 50
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in once if c not in "\n\t")


def test_a_line_is_one_line() -> None:
    assert text.line("  Royal\tEnfield \n Classic\u00a0350 ", 40) == "Royal Enfield Classic 350"
    assert text.line("e\u0301", 1) == "é"
    assert text.optional_line("  \n", 5) is None
    assert text.optional_line(" a ", 5) == "a"
    assert text.optional_line(None, 5) is None


def test_a_body_keeps_its_lines() -> None:
    assert text.body("\n one  \r\n\r\n\ttwo\rthree \n\n", 40) == "one\n\n\ttwo\nthree"
    assert text.optional_body(" ", 5) is None
    assert text.optional_body("a\nb", 5) == "a\nb"


@pytest.mark.parametrize("value", ["a\x00b", "a\x1bb", "\ud800", "a\x7f", "\ufffe"])
def test_control_characters_are_refused(value: str) -> None:
    with pytest.raises(Invalid):
        text.line(value, 10)
    with pytest.raises(Invalid):
        text.body(value, 10)


def test_bounds_are_named() -> None:
    with pytest.raises(TooLong) as caught:
        text.line("abcdef", 5, field="title")
    assert (caught.value.limit, caught.value.field) == (5, ("title",))
    with pytest.raises(Required):
        text.body(" \n ", 5)


@given(st.text())
def test_folding_is_stable_and_blind_to_case(value: str) -> None:
    assert text.fold(text.fold(value)) == text.fold(value)


def test_keys_and_slugs() -> None:
    assert text.fold("  ＳTRASSE  Straße ") == "strasse strasse"
    assert text.slug("Fiancée & Söhne, Ltd.") == "fiancee-sohne-ltd"
    assert text.slug("دراجات") == ""
