"""Who registers documents, and sees which there are."""

from ..models import OperationManifest, PersistedOperation
from .base import Permission


class SeesManifest(Permission[OperationManifest]):
    """The versions of applications."""

    name = "manifest:write"
    model = OperationManifest
    message = "You may not see registered documents."


class SeesOperation(Permission[PersistedOperation]):
    """What each of them sends."""

    name = "manifest:write"
    model = PersistedOperation
    message = "You may not see registered documents."
