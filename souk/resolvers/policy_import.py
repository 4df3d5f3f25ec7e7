"""Price policies out of an uploaded file, by columns that are named: the mapping of an import without writing one."""

import json
from typing import Any

import strawberry

from ..db.session import Transaction
from ..engine.scalars import CurrencyCode, DateTime, Decimal
from ..models import BatchPreview
from ..rules.enums import BatchKind, ImportWhat, PolicyKind
from ..rules.errors import InvalidInput, Problems, Refused, Required
from .kinds import BatchPlan, BatchSelection
from .policy import check_bp
from .preview import BatchPreviewInput, batch_preview


@strawberry.input(
    description="Where price policies stand in a file. Each of `kind`, `currencyCode` and `validFrom` may be a column instead."
)
class PricePolicyImportInput:
    upload_id: strawberry.ID = strawberry.field(description="The file, as `POST /uploads` gave it.")
    sku_column: str = strawberry.field(description="The column with the SKU's code.")
    amount_column: str = strawberry.field(description="The column of which the limit is a share.")
    times: Decimal = strawberry.field(
        default=Decimal("1"), description="The share, exactly: `0.9` makes a MAP of 0.9 × MRP of a column of MRPs."
    )
    kind: PolicyKind | None = strawberry.field(default=None, description="What all of them forbid.")
    kind_column: str | None = strawberry.field(default=None, description="The column that says what each forbids.")
    currency_code: CurrencyCode | None = strawberry.field(default=None, description="The currency of all of them.")
    currency_column: str | None = strawberry.field(default=None, description="The column with each one's currency.")
    valid_from: DateTime | None = strawberry.field(
        default=None, description="From when all of them hold, in UTC; without it and a column, from the import on."
    )
    valid_from_column: str | None = strawberry.field(default=None, description="The column that says from when.")
    timezone: str | None = strawberry.field(
        default=None, description="The IANA zone of times that name no offset from UTC; without it they are refused."
    )
    tolerance_bp: int = strawberry.field(
        default=0, description="How far a price may pass each of them, 0 to 10,000 basis points."
    )


async def price_policy_import(tx: Transaction, input: PricePolicyImportInput) -> BatchPreview:
    """Write down what an import of these policies would do; `batchCreate` makes the batch of it, `batchStart` begins it.

    A row is the policy of its SKU, kind and currency, or the next version of it. What a mapping can say besides, `batchPreview`
    takes.
    """
    problems = Problems()
    for name, here, column in (
        ("kind", input.kind, input.kind_column),
        ("currency_code", input.currency_code, input.currency_column),
    ):
        if here is None and not column:
            problems.add(Required("Say it for all, or name the column that does.", field=name))
    check_bp(problems, input.tolerance_bp)
    problems.check()
    plan = BatchPlan(mapping=mapping_of(input), what=ImportWhat.PRICE_POLICIES)
    selection = BatchSelection(upload_id=input.upload_id)
    try:
        return await batch_preview(tx, BatchPreviewInput(kind=BatchKind.IMPORT, selection=selection, plan=plan))
    except InvalidInput as wrong:
        for each in wrong.problems:
            each.field = _here(each)
        raise
    except Refused as refusal:
        refusal.field = _here(refusal)
        raise


def mapping_of(input: PricePolicyImportInput) -> str:
    """The mapping (docs/importing.md) of these columns, as TOML; what all have in common wins over a column."""
    same: dict[str, Any] = {
        "kind": input.kind, "currency": input.currency_code, "tolerance_bp": input.tolerance_bp or None,
        "valid_from": input.valid_from.isoformat() if input.valid_from else None,
    }  # fmt: skip
    columns = {
        "sku": input.sku_column, "amount": input.amount_column, "kind": input.kind_column,
        "currency": input.currency_column, "valid_from": input.valid_from_column,
    }  # fmt: skip
    top = {"what": ImportWhat.PRICE_POLICIES, "name": "price_policies", "timezone": input.timezone}
    lines = [*_lines(top), "[constants]", *_lines(same)]
    for name, column in columns.items():
        if column is not None and same.get(name) is None:
            times = input.times if name == "amount" and input.times != "1" else None
            lines += [f"[fields.{name}]", *_lines({"from": column, "times": times})]
    return "\n".join(lines)


def _lines(values: dict[str, Any]) -> list[str]:
    """Texts as TOML has them: its basic strings are written as those of JSON."""
    return [f"{name} = {json.dumps(str(value))}" for name, value in values.items() if value is not None]


ASKED = {
    "sku": "sku_column", "amount": "amount_column", "kind": "kind_column", "currency": "currency_column",
    "valid_from": "valid_from_column",
}  # fmt: skip


def _here(refusal: Refused) -> Any:
    """Where the input says what the mapping of it was refused for."""
    match refusal.field:
        case (*_, "uploadId") | "file" | ("file",):
            return ("upload_id",)
        case ("mapping", "fields", "amount", "times"):
            return ("times",)
        case ("mapping", "fields", name, *_) if name in ASKED:
            return (ASKED[name],)
        case ("mapping", "timezone"):
            return ("timezone",)
    return refusal.field
