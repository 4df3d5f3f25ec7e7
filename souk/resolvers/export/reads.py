"""Exports as reads."""

from sqlalchemy import Select, select

from ...engine.symbols import Viewer
from ...models import Batch, Export
from ...permissions.export import ReadsExport


def export_of_batch(viewer: Viewer, batch: Batch) -> Select[Export]:
    """The file that an EXPORT writes; null for everybody but its creator, in the role in which it was asked for."""
    return select(Export).where(Export.batch_id == batch.id, ReadsExport().rows(viewer))
