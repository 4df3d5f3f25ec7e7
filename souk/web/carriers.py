"""How a session travels: a bearer token or a service token in a header, or a cookie that scripts cannot read.

A cookie is sent by the browser whether the page means it or not. So it counts only with a header that no form and no
foreign page can send (`graphql-require-preflight`, or Apollo's), and only from a page of this very host.
"""

from typing import NamedTuple

from souk.context import Cookie
from souk.settings import Settings
from souk.web.errors import Code, Failure, unauthenticated
from souk.web.sessions import SERVICE, bearer

PREFLIGHT = (b"graphql-require-preflight", b"apollo-require-preflight", b"x-apollo-operation-name")
SECURE, PLAIN = "__Host-souk", "souk"
MAX_AGENT = 200

Headers = dict[bytes, bytes]


class Carried(NamedTuple):
    """What a request shows: a token, or none; `forget` is the Set-Cookie that takes it back, where a cookie carried it.

    `own_page`: the request has the header that needs a preflight and comes from a page of this host, or from no page.
    """

    token: str | None
    forget: bytes = b""
    own_page: bool = False


def carried(headers: Headers, settings: Settings, *, socket: bool = False, link: bool = False) -> Carried:
    """The credential of a request. Raises Failure: UNAUTHENTICATED (a header that is none), FORBIDDEN (a cookie that a
    foreign page may have sent).

    A header goes before a cookie. A WebSocket cannot have headers of its own: its `Origin` must be this host's or a listed
    one. A `link` is a file that is only read, which a page of this host may point at.
    """
    own = own_page(headers)
    if (given := headers.get(b"authorization")) is not None:
        return Carried(bearer(given.decode("latin-1")), own_page=own and preflighted(headers))
    if (given := headers.get(b"x-internal-token")) is not None:
        token = given.decode("latin-1").strip()
        if not token.startswith(SERVICE):
            raise unauthenticated("The header x-internal-token takes service tokens only.")
        return Carried(token)
    kept = cookie_of(headers, settings)
    if not kept:
        return Carried(None, own_page=own and preflighted(headers))
    if socket:
        if not listed_origin(headers, settings):
            raise Failure(Code.FORBIDDEN, "A cookie opens a socket only from a listed origin.")
    elif not own:
        raise Failure(Code.FORBIDDEN, "A cookie counts only from a page of this host.")
    elif not link and not preflighted(headers):
        raise Failure(Code.FORBIDDEN, "With a cookie, send the header graphql-require-preflight.")
    return Carried(kept, forget=set_cookie(Cookie(), settings), own_page=True)


def preflighted(headers: Headers) -> bool:
    """Whether there is a header that makes a browser ask first, before it sends the request for a foreign page."""
    return any(headers.get(name, b"").strip() for name in PREFLIGHT)


def own_page(headers: Headers) -> bool:
    """Whether the request comes from a page of this host, or does not say that it comes from a page at all."""
    site = headers.get(b"sec-fetch-site", b"same-origin").strip().lower()
    return site in (b"same-origin", b"none") and (b"origin" not in headers or _same_host(headers))


def listed_origin(headers: Headers, settings: Settings) -> bool:
    """Whether there is an Origin, and it is this host's or one of `SOUK_ALLOWED_ORIGINS`."""
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    return bool(origin) and (origin in settings.allowed_origins or _same_host(headers))


def _same_host(headers: Headers) -> bool:
    host = headers.get(b"host", b"").lower()
    return bool(host) and headers.get(b"origin", b"").lower().partition(b"://")[2] == host


def cookie_of(headers: Headers, settings: Settings) -> str | None:
    """The token in the cookie; of several with the name, which no browser sends, none."""
    name = _name(settings)
    found = []
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        given, equals, value = part.strip().partition("=")
        if equals and given == name:
            found.append(value.strip().strip('"'))
    return found[0] if len(found) == 1 else None


def set_cookie(cookie: Cookie, settings: Settings) -> bytes:
    """The value of Set-Cookie; without a token it takes the cookie back."""
    secure = "" if settings.development else "Secure; "
    kept = cookie.seconds if cookie.token else 0
    return f"{_name(settings)}={cookie.token or ''}; Path=/; {secure}HttpOnly; SameSite=Strict; Max-Age={kept}".encode()


def _name(settings: Settings) -> str:
    return PLAIN if settings.development else SECURE


def agent_of(headers: Headers) -> str:
    """What the client calls itself, as far as it is text."""
    text = headers.get(b"user-agent", b"").decode("latin-1")[:MAX_AGENT]
    return text if text.isprintable() else "".join(each for each in text if each.isprintable())
