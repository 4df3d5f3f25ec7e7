"""Phone numbers and e-mail addresses as people type them, in the one form that is stored."""

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from ..rules.errors import Invalid


def email(text: str) -> str:
    """The address with its domain in lower case and ASCII. Raises Invalid."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Invalid("This is not an e-mail address.") from error


def email_key(text: str) -> str:
    """The case-folded key under which an address signs in."""
    return email(text).lower()


def phone(text: str, country: str | None = None) -> str:
    """E.164. A number without a country code needs `country` (ISO 3166-1 alpha-2). Raises Invalid."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise Invalid("This is not a telephone number.") from error
    if not phonenumbers.is_possible_number(number):
        raise Invalid("This is not a telephone number.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
