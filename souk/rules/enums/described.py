"""What every closed set of words is made of."""

from enum import StrEnum
from typing import Self


class Described(StrEnum):
    """A word with a description: `ACTIVE = "ACTIVE", "On sale."`."""

    doc: str

    def __new__(cls, value: str, doc: str) -> Self:
        made = str.__new__(cls, value)
        made._value_ = value
        made.doc = doc
        return made
