"""The ids that other systems give to our rows."""

from .. import models
from ..engine.declare import column, view


@view(models.ExternalRef)
class ExternalId:
    """The id that another system gives to one of our rows."""

    source: str
    value: str = column("external_id")
