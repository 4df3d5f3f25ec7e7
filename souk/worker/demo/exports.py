"""Lists that the marketplace's admin took out as files, some hours ago."""

from datetime import datetime

from ...resolvers.export import ExportCreateInput, export_create
from ...rules.enums import ExportFormat, ListName
from ..batch import step
from .ground import Ground

FILES = (
    (ListName.LISTINGS, ExportFormat.CSV),
    (ListName.LEADS, ExportFormat.CSV),
    (ListName.DEALERS, ExportFormat.XLSX),
)


async def seed_exports(ground: Ground) -> None:
    """One of each, whole and kept for a week."""
    for n, (list_name, format) in enumerate(FILES):
        at = ground.ago(hours=3 - n)
        async with ground.act("admin", "exportCreate", at) as tx:
            asked = ExportCreateInput(
                columns=None, filter=None, format=format, list_name=list_name, title=None,
                idempotency_key=ground.key("export", n),
            )  # fmt: skip
            batch = await export_create(tx, asked)
        due: datetime | None = at
        while due is not None:
            done = await step(ground.doors.worker, ground.tenant_id, batch.id, now=due, size=200, chance=lambda: 0.5)
            due = done.due
