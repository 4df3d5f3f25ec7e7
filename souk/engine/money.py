"""Money on the wire: a decimal string with exactly the digits of its currency. No float touches it."""

from typing import Any

import strawberry
from sqlalchemy import ARRAY, BigInteger, Numeric, Text, all_, any_, case, literal_column, type_coerce

from ..rules.money import CURRENCY_DIGITS
from .fields import column, computed, value
from .guards import Guard
from .scalars import CurrencyCode, Decimal, digits_of


def amount_in_python(money: Any) -> str:
    digits, minor = digits_of(money.currency), int(money.minor)
    sign, whole = ("-" if minor < 0 else ""), str(abs(minor)).rjust(digits + 1, "0")
    return sign + (f"{whole[:-digits]}.{whole[-digits:]}" if digits else whole)


def amount_in_sql(money: Any) -> Any:
    """A numeric keeps the scale of its factor: 5 * 0.01 is written 0.05. Most have two digits: that is asked first."""
    by_digits: dict[int, list[str]] = {}
    for code, digits in sorted(CURRENCY_DIGITS.items()):
        if digits != 2:
            by_digits.setdefault(digits, []).append(code)
    other = _codes([code for codes in by_digits.values() for code in codes])
    cases = [
        (money.currency == any_(_codes(codes)), _scaled(money.minor, digits))
        for digits, codes in sorted(by_digits.items())
    ]
    return case((money.currency != all_(other), _scaled(money.minor, 2)), *cases)


def _codes(codes: list[str]) -> Any:
    return literal_column(f"'{{{','.join(codes)}}}'::text[]", ARRAY(Text()))


def _scaled(minor: Any, digits: int) -> Any:
    return type_coerce(minor * literal_column(f"{10**-digits:.{digits}f}::numeric", Numeric()), Numeric())


@strawberry.type(description="An amount of money.")
class Money:
    amount: Decimal = computed(
        sql=amount_in_sql,
        python=amount_in_python,
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
