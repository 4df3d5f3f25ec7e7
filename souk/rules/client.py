"""What kind of client is asking: by the credential it shows, never by a header it could write itself."""

from enum import StrEnum

from .actor import Actor

DASHBOARD = "dashboard"
"""The scope that makes a service token one of a dashboard: it opens no door, it only narrows what may be sent."""


class ClientClass(StrEnum):
    """The classes for which a setting says whether they may send documents that nobody registered."""

    VISITOR = "visitor"
    BROWSER = "browser"
    MOBILE = "mobile"
    DASHBOARD = "dashboard"
    SERVICE = "service"


def client_class(actor: Actor, *, cookie: bool) -> ClientClass:
    """`cookie`: whether the session came as a browser's cookie."""
    if actor.token_id is not None:
        return ClientClass.DASHBOARD if DASHBOARD in actor.scopes else ClientClass.SERVICE
    if actor.session_id is None and actor.user_id is None:
        return ClientClass.VISITOR
    return ClientClass.BROWSER if cookie else ClientClass.MOBILE
