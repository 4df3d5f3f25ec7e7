"""What a row of an import that cannot be had becomes."""

from .actions import Item, Result


def refused(item: Item, column: str, value: str, reason: str) -> Result:
    """SKIPPED, so that it never stops the others; the cell that is to blame stands behind those that were left empty."""
    return Result(
        "SKIPPED", "REFUSED", error_code="REFUSED", error_message=f"{column or 'row'}: {reason}.",
        warnings=[*item.payload["warnings"], {"column": column, "value": value, "reason": reason}],
    )  # fmt: skip


def warned(item: Item, column: str, value: str, reason: str) -> None:
    """A cell that is left empty after all; told once, however often its chunk is tried."""
    told = {"column": column, "value": value, "reason": reason}
    if told not in item.payload["warnings"]:
        item.payload["warnings"].append(told)
