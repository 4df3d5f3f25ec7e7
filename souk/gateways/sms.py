"""Text messages, posted to a provider (or to an adapter in front of one) by a small protocol of our own:

    POST SOUK_SMS_URL, Authorization: Bearer SOUK_SMS_TOKEN, Idempotency-Key: <id>
    {"id": "<uuid>", "to": "+919800000000", "text": "…"}

2xx: taken. 408, 425, 429 and 5xx: not now, it comes again with the same key. Any other 4xx: refused for good. Redirects are
not followed.
"""

import httpx

from .letters import NotNow, Undeliverable

CONNECT, TOTAL = 2.0, 10.0
AGAIN = frozenset({408, 425, 429})
OURS = frozenset({401, 403, 404})
"""The token or the address is wrong: to be mended here, no fault of the letter."""


class HttpSms:
    """A provider. Close it at the end."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.client = httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(TOTAL, connect=CONNECT))

    async def send(self, id: str, to: str, subject: str, body: str) -> None:
        """Hand a letter on; a text message has no subject. Raises Undeliverable, NotNow."""
        sent = {"id": id, "to": to, "text": body}
        try:
            response = await self.client.post(self.url, json=sent, headers={"idempotency-key": id})
        except httpx.HTTPError as error:
            raise NotNow(type(error).__name__) from None
        code = response.status_code
        if 200 <= code < 300:
            return
        if 400 <= code < 500 and code not in AGAIN | OURS:
            raise Undeliverable(f"http {code}")
        raise NotNow(f"http {code}")

    async def close(self) -> None:
        await self.client.aclose()
