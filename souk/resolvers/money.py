"""Amounts as clients give them."""

import strawberry

from ..engine.scalars import CurrencyCode, Decimal
from ..rules.errors import Invalid, OutOfRange
from ..rules.money import parse_amount


@strawberry.input(description="An amount of money.")
class MoneyInput:
    amount: Decimal = strawberry.field(description="A decimal number with at most the digits that the currency has.")
    currency_code: CurrencyCode = strawberry.field(description="ISO 4217.")


def minor_units(given: MoneyInput, currency: str | None = None) -> int:
    """Minor units of a positive amount, which has to be in `currency` where one is named.

    Raises Invalid (no currency, another one, too many digits), OutOfRange (not above zero, or too large).
    """
    if currency is not None and given.currency_code != currency:
        raise Invalid(f"The amount has to be in {currency}.", field=("amount", "currencyCode"))
    minor = parse_amount(str(given.amount), str(given.currency_code))
    if minor <= 0:
        raise OutOfRange("An amount above zero.", field="amount")
    return minor
