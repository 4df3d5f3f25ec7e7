"""The file that an export writes, as its creator sees it."""

from typing import Any

from sqlalchemy import case, literal, null

from .. import models
from ..engine.declare import column, computed, view
from ..engine.scalars import BigInt, DateTime
from ..engine.symbols import GlobalId, write_id
from ..resolvers.evidence import in_hex
from ..resolvers.filters import encoded
from ..rules.enums import ExportFormat, ListName

PATH = "/exports/"


def _path(row: Any) -> str | None:
    return None if row.stored_as is None else f"{PATH}{write_id('Batch', row.batch_id)}"


def _path_in_sql(row: Any) -> Any:
    path = literal(PATH).concat(encoded(GlobalId("Batch", row.batch_id)))
    return case((row.stored_as.is_not(None), path), else_=null())


@view(models.Export)
class Export:
    """A list as a file. What is told of its content is null until it is whole."""

    columns: list[str]
    list: ListName = column("list_name")
    format: ExportFormat
    name: str
    rows: BigInt | None = column("row_count")
    bytes: BigInt | None = column("size")
    sha256: str | None = computed(
        sql=lambda row: in_hex(row.sha256), description="SHA-256 of its bytes, in hexadecimal; null until it is whole."
    )
    expires_at: DateTime | None
    url: str | None = computed(
        python=_path,
        sql=_path_in_sql,
        description="The path at which `GET` fetches it, signed in as who asked for it; null before and after.",
    )
