"""The ids that other systems give to our rows."""

from .. import models
from ..engine.declare import view


@view(models.ExternalRef)
class ExternalId:
    """The id that another system gives to one of our rows."""

    source: str
    external_id: str
