"""The kind EXPORT: a list of the API as a file, for whoever may read it and for nobody else."""

from .files import EXPIRY, Download, download_of, expire
from .reads import export_of_batch
from .writes import ExportCreateInput, ExportKind, export_create

__all__ = [
    "EXPIRY",
    "Download",
    "ExportCreateInput",
    "ExportKind",
    "download_of",
    "expire",
    "export_create",
    "export_of_batch",
]
