"""Money on the wire: a decimal string with exactly the digits of its currency. No float touches it."""

from collections.abc import Sequence
from typing import Any

import strawberry
from sqlalchemy import ARRAY, BigInteger, Numeric, Text, any_, case, literal_column, type_coerce

from ..rules.money import CURRENCY_DIGITS
from .fields import column, computed, value
from .guards import Guard
from .scalars import CurrencyCode, Decimal, digits_of

USUAL = ("INR", "AED", "SAR", "USD", "EUR", "GBP", "QAR")
"""Most amounts are of these, and all of these have two digits."""


def amount_in_python(money: Any) -> str:
    digits, minor = digits_of(money.currency), int(money.minor)
    sign, whole = ("-" if minor < 0 else ""), str(abs(minor)).rjust(digits + 1, "0")
    return sign + (f"{whole[:-digits]}.{whole[-digits:]}" if digits else whole)


def amount_in_sql(money: Any) -> Any:
    """A numeric keeps the scale of its factor: 5 * 0.01 is written 0.05. The usual ones are asked first, without a hash."""
    by_digits: dict[int, list[str]] = {}
    for code, digits in sorted(CURRENCY_DIGITS.items()):
        if digits != 2:
            by_digits.setdefault(digits, []).append(code)
    others = [(money.currency == any_(_codes(codes)), _factor(digits)) for digits, codes in sorted(by_digits.items())]
    factor = case(
        (money.currency == any_(_codes(USUAL)), _factor(2)), *others, (money.currency.is_not(None), _factor(2))
    )
    return type_coerce(money.minor * factor, Numeric())


def _codes(codes: Sequence[str]) -> Any:
    return literal_column(f"'{{{','.join(codes)}}}'::text[]", ARRAY(Text()))


def _factor(digits: int) -> Any:
    return literal_column(f"{10**-digits:.{digits}f}::numeric", Numeric())


@strawberry.type(description="An amount of money.")
class Money:
    amount: Decimal = computed(
        sql=amount_in_sql,
        python=amount_in_python,
        of=("minor", "currency"),
        description="Exactly as many digits after the point as the currency has.",
    )
    currency_code: CurrencyCode = column("currency", description="ISO 4217.")


Money.__kept__ = {"minor": BigInteger(), "currency": Text()}  # type: ignore[attr-defined]
"""How the parts are kept in a jsonb document, where no column tells."""


def money(
    minor: str, currency: str = "currency", permission: Guard | None = None, *, description: str | None = None
) -> Any:
    """Money from two columns: bigint minor units and the currency; null when the first is."""
    return value(permission, description=description, minor=minor, currency=currency)
