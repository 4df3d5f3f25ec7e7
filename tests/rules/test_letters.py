"""The words of letters: one set for each language, and for every locale one of them."""

import re

import pytest

from souk.rules.letters import WORDS, Words, words


@pytest.mark.parametrize(
    ("locales", "language"),
    [
        (("hi",), "hi"),
        (("hi-IN",), "hi"),
        (("HI_in",), "hi"),
        (("hi-Deva-IN",), "hi"),
        (("en-IN", "hi"), "en"),
        ((None, "hi-IN"), "hi"),
        (("mr-IN", "hi-IN"), "hi"),
        (("mr-IN", "ta"), "en"),
        (("hindi",), "en"),
        (("", "-", None), "en"),
        ((), "en"),
    ],
)
def test_the_first_language_that_there_are_words_in(locales: tuple[str | None, ...], language: str) -> None:
    assert words(*locales) is WORDS[language]


@pytest.mark.parametrize("name", Words._fields)
def test_every_language_says_the_same(name: str) -> None:
    said = {language: getattr(each, name) for language, each in WORDS.items()}
    assert len({frozenset(re.findall(r"{(\w+)}", text)) for text in said.values()}) == 1
    assert len(set(said.values())) == len(WORDS), "and none has another one's words"


@pytest.mark.parametrize("each", WORDS.values())
def test_the_places_that_programs_read(each: Words) -> None:
    """A phone offers the code where it comes first; whoever copies a token takes the end of the line."""
    assert each.code.startswith("{code} ")
    assert each.invitation.endswith(": {way}\n")
    assert not any("{code}" in text or "{way}" in text for text in (each.code_subject, each.invitation_subject))
