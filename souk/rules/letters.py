"""The words of letters, by language: a subject that names neither a code nor a person, and a text."""

from __future__ import annotations

from typing import NamedTuple

OTHERWISE = "en"
"""The language of whoever reads none of those that there are words in."""


class Words(NamedTuple):
    """One language. `{name}` is the tenant's, `{code}` begins its text, `{way}` is a link or a token and ends its own.

    Of the letters to a `{dealer}` about its prices, `{reason}` is the plan's and `{until}` the end of its time to cure.
    """

    code_subject: str
    code: str
    invitation_subject: str
    invitation: str
    invitation_by_number: str
    invitation_by_number_at: str
    enforcement_subject: str
    notice_1: str
    notice_2: str
    restricted: str
    suspended: str
    listing_suspended: str
    payouts_held: str
    withdrawn: str


WORDS = {
    "en": Words(
        "{name}: your code",
        "{code} is your code for {name}. It is good for five minutes. Nobody will ever ask you for it.",
        "{name}: an invitation",
        "You are invited to {name}.\n\nAccept within seven days: {way}\n",
        "You are invited to {name}. Sign in with this number within seven days.",
        "You are invited to {name}. Sign in with this number at {way} within seven days.",
        "{name}: about your prices",
        "To {dealer}: this is a first notice.\n\n{reason}\n\nPut it right by {until}, or a second notice follows.\n\n{name}\n",
        "To {dealer}: this is a second and last notice.\n\n{reason}\n\nPut it right by {until}, or you will buy no leads,"
        " hand in no listings and make no deals here.\n\n{name}\n",
        "To {dealer}: two notices have passed.\n\n{reason}\n\nUntil it is put right you buy no leads, hand in no listings"
        " and make no deals here. You may appeal.\n\n{name}\n",
        "To {dealer}: you are suspended.\n\n{reason}\n\nYour listings are down and nothing is paid out to you. You may"
        " appeal.\n\n{name}\n",
        "To {dealer}: a listing of yours is suspended.\n\n{reason}\n\nYou may appeal.\n\n{name}\n",
        "To {dealer}: your payouts are held.\n\n{reason}\n\nYou may appeal.\n\n{name}\n",
        "To {dealer}: what we wrote last about your prices is withdrawn. It counts no more, and what it took from you is"
        " yours again.\n\n{name}\n",
    ),
    "hi": Words(
        "{name}: आपका कोड",
        "{code} {name} के लिए आपका कोड है। यह पाँच मिनट तक मान्य है। कोई भी आपसे यह कोड कभी नहीं माँगेगा।",
        "{name}: निमंत्रण",
        "आपको {name} में आमंत्रित किया गया है।\n\nसात दिनों के भीतर स्वीकार करें: {way}\n",
        "आपको {name} में आमंत्रित किया गया है। सात दिनों के भीतर इस नंबर से साइन इन करें।",
        "आपको {name} में आमंत्रित किया गया है। सात दिनों के भीतर {way} पर इस नंबर से साइन इन करें।",
        "{name}: आपकी कीमतों के बारे में",
        "{dealer} को: यह पहली सूचना है।\n\n{reason}\n\nइसे {until} तक ठीक करें, नहीं तो दूसरी सूचना भेजी जाएगी।\n\n{name}\n",
        "{dealer} को: यह दूसरी और अंतिम सूचना है।\n\n{reason}\n\nइसे {until} तक ठीक करें, नहीं तो आप यहाँ न लीड ख़रीद सकेंगे,"
        " न लिस्टिंग दे सकेंगे, न सौदे कर सकेंगे।\n\n{name}\n",
        "{dealer} को: दो सूचनाओं का समय बीत चुका है।\n\n{reason}\n\nजब तक यह ठीक नहीं होता, आप यहाँ न लीड ख़रीद सकते हैं,"
        " न लिस्टिंग दे सकते हैं, न सौदे कर सकते हैं। आप अपील कर सकते हैं।\n\n{name}\n",
        "{dealer} को: आपको निलंबित किया गया है।\n\n{reason}\n\nआपकी लिस्टिंग हटा दी गई हैं और आपको कोई भुगतान नहीं होगा।"
        " आप अपील कर सकते हैं।\n\n{name}\n",
        "{dealer} को: आपकी एक लिस्टिंग निलंबित की गई है।\n\n{reason}\n\nआप अपील कर सकते हैं।\n\n{name}\n",
        "{dealer} को: आपके भुगतान रोके गए हैं।\n\n{reason}\n\nआप अपील कर सकते हैं।\n\n{name}\n",
        "{dealer} को: आपकी कीमतों के बारे में हमारा पिछला पत्र वापस लिया जाता है। वह अब मान्य नहीं है, और उससे जो रोका गया था"
        " वह आपको फिर मिल गया है।\n\n{name}\n",
    ),
}


def words(*locales: str | None) -> Words:
    """Those of the first locale (BCP 47) whose language there are words in, else English."""
    for locale in locales:
        language = (locale or "").replace("_", "-").partition("-")[0].lower()
        if language in WORDS:
            return WORDS[language]
    return WORDS[OTHERWISE]
