"""The words of letters, by language: a subject that names neither a code nor a person, and a text."""

from __future__ import annotations

from typing import NamedTuple

OTHERWISE = "en"
"""The language of whoever reads none of those that there are words in."""


class Words(NamedTuple):
    """One language. `{name}` is the tenant's, `{code}` begins its text, `{way}` is a link or a token and ends its own."""

    code_subject: str
    code: str
    invitation_subject: str
    invitation: str
    invitation_by_number: str
    invitation_by_number_at: str


WORDS = {
    "en": Words(
        "{name}: your code",
        "{code} is your code for {name}. It is good for five minutes. Nobody will ever ask you for it.",
        "{name}: an invitation",
        "You are invited to {name}.\n\nAccept within seven days: {way}\n",
        "You are invited to {name}. Sign in with this number within seven days.",
        "You are invited to {name}. Sign in with this number at {way} within seven days.",
    ),
    "hi": Words(
        "{name}: आपका कोड",
        "{code} {name} के लिए आपका कोड है। यह पाँच मिनट तक मान्य है। कोई भी आपसे यह कोड कभी नहीं माँगेगा।",
        "{name}: निमंत्रण",
        "आपको {name} में आमंत्रित किया गया है।\n\nसात दिनों के भीतर स्वीकार करें: {way}\n",
        "आपको {name} में आमंत्रित किया गया है। सात दिनों के भीतर इस नंबर से साइन इन करें।",
        "आपको {name} में आमंत्रित किया गया है। सात दिनों के भीतर {way} पर इस नंबर से साइन इन करें।",
    ),
}


def words(*locales: str | None) -> Words:
    """Those of the first locale (BCP 47) whose language there are words in, else English."""
    for locale in locales:
        language = (locale or "").replace("_", "-").partition("-")[0].lower()
        if language in WORDS:
            return WORDS[language]
    return WORDS[OTHERWISE]
