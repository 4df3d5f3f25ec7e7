"""The GraphiQL page of development servers: every byte from the package, under a policy that allows nothing else."""

import secrets
from importlib.resources import files

from souk.web.gate import Send
from souk.web.respond import headers_of, respond

ASSETS = {
    "react.production.min.js": b"text/javascript",
    "react-dom.production.min.js": b"text/javascript",
    "graphiql.min.js": b"text/javascript",
    "graphiql.min.css": b"text/css",
    "explorer.umd.js": b"text/javascript",
    "explorer.css": b"text/css",
    "page.js": b"text/javascript",
    "page.css": b"text/css",
}
PREFIX = "/graphql/assets/"
_FOREVER = ((b"cache-control", b"public, max-age=86400"),)


class GraphiQL:
    """The page and what it loads, read once."""

    def __init__(self) -> None:
        folder = files("souk.web") / "assets"
        self.page = (folder / "page.html").read_text(encoding="utf-8")
        self.assets = {name: (folder / name).read_bytes() for name in ASSETS}

    def answers(self, path: str, method: str, accepted: list[str]) -> bool:
        """True for a browser that asks for the page, and for what the page loads."""
        if method != "GET":
            return False
        return path.removeprefix(PREFIX) in ASSETS or (path in ("/", "/graphql") and "text/html" in accepted)

    async def serve(self, path: str, request_id: str, send: Send) -> None:
        name = path.removeprefix(PREFIX)
        if name in ASSETS:
            await respond(send, 200, headers_of(ASSETS[name], request_id, more=_FOREVER), self.assets[name])
            return
        if path == "/":
            await respond(send, 307, headers_of(b"text/html", request_id, more=((b"location", b"/graphql"),)), b"")
            return
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
            "style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        body = self.page.replace("{nonce}", nonce).encode()
        await respond(send, 200, headers_of(b"text/html", request_id, policy=policy.encode()), body)
