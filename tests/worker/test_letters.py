"""Letters reach a mail server and a provider, once, and what cannot be handed on comes again or is given up."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from email.header import decode_header, make_header
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from souk.db.session import Database, system_actor
from souk.gateways.mail import SmtpMail
from souk.gateways.sms import HttpSms
from souk.resolvers.letter import SEND
from souk.rules.actor import Role
from souk.rules.enums import LetterChannel
from souk.worker.due import TIMERS
from souk.worker.letters import ATTEMPTS, Post
from souk.worker.queue import Queue
from tests.gateways.local import MailServer, Provider, mail_server, provider
from tests.resolvers.signing import Signing, fresh
from tests.resolvers.test_session import invited
from tests.worker.conftest import worker_db
from tests.world import World

__all__ = ["worker_db"]


class Office:
    """A worker's hands on the letters of one tenant."""

    def __init__(self, world: World, db: Database, mail: MailServer, sms: Provider, post: Post) -> None:
        self.world, self.db, self.mail, self.sms, self.post = world, db, mail, sms, post
        self.queue = Queue(db, [SEND], timedelta(seconds=60))

    async def once(self) -> list[datetime | None]:
        """Every letter that waits is taken once, due or not."""
        found = []
        rows = await self.world.rows(
            "SELECT ref FROM souk.work WHERE tenant_id = :t AND kind = :k", t=self.world.tenant_id, k=SEND
        )
        for row in rows:
            held = await self.queue.take(self.world.tenant_id, SEND, row.ref, self.world.now)
            if held is not None:
                due = await self.post.deliver(self.db, held, lambda: self.world.now)
                if due is not None:
                    await self.queue.release(held, due)
                found.append(due)
        return found

    async def letters(self) -> list[Any]:
        return await self.world.rows("SELECT * FROM letter ORDER BY created_at, id")

    async def waiting(self) -> int:
        rows = await self.world.rows(
            "SELECT 1 FROM souk.work WHERE tenant_id = :t AND kind = :k", t=self.world.tenant_id, k=SEND
        )
        return len(rows)


@pytest_asyncio.fixture
async def office(world: World, worker_db: Database) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        mail, sms = await stack.enter_async_context(mail_server()), await stack.enter_async_context(provider())
        http = HttpSms(f"http://127.0.0.1:{sms.port}/messages", "t0ken")
        stack.push_async_callback(http.close)
        gateways = {
            LetterChannel.EMAIL: SmtpMail(f"smtp://127.0.0.1:{mail.port}", "Souk <no-reply@souk.example>"),
            LetterChannel.SMS: http,
        }
        yield Office(world, worker_db, mail, sms, Post(gateways))


async def test_a_code_arrives_by_mail_and_signs_in(world: World, office: Office) -> None:
    signing, address = Signing(world), fresh()
    challenge = await signing.request(email=address)
    assert await office.once() == [None]
    ((to, letter),) = office.mail.letters
    (row,) = await office.letters()
    assert (to, letter["from"], letter["subject"]) == (address, "Souk <no-reply@souk.example>", "Test: your code")
    assert letter["message-id"] == f"<{row.id}@souk.example>"
    code = letter.get_payload()[:6]
    assert (row.status, row.attempts, row.body_enc, row.sent_at) == ("SENT", 1, None, world.now)
    assert await office.waiting() == 0
    payload = await signing.verify(challenge, code, register={"name": "New"})
    assert payload["session"]["role"] == "CUSTOMER"


async def test_a_code_arrives_as_a_text_message_with_a_key_of_its_own(world: World, office: Office) -> None:
    await Signing(world).request(phone="+919812344001")
    await office.once()
    ((headers, sent),) = office.sms.posted
    (row,) = await office.letters()
    assert sent["to"] == "+919812344001" and sent["id"] == str(row.id) == headers["idempotency-key"]
    assert headers["authorization"] == "Bearer t0ken"
    assert sent["text"].endswith("is your code for Test. It is good for five minutes. Nobody will ever ask you for it.")
    assert row.status == "SENT"


async def test_letters_are_in_the_language_of_who_reads_them(world: World, office: Office) -> None:
    """The person's own; the tenant's for whoever is not known, and for a code that anybody may ask for."""
    hindi, english = fresh(), fresh()
    await world.rows("UPDATE tenant SET locale = 'hi-IN' WHERE id = :t RETURNING id", t=world.tenant_id)
    await invited(world, email=hindi)
    await invited(world, email=english, locale="en-IN")
    signing = Signing(world)
    await signing.request(phone="+919812344011")
    ops = world.actors[Role.OPS]
    await world.rows("UPDATE app_user SET locale = 'en' WHERE id = :u RETURNING id", u=ops.user_id)
    asked = await world.do(ops, "mfaChallenge", "method")
    assert asked["userErrors"] == []
    await office.once()
    came = {to: (str(make_header(decode_header(letter["subject"]))), letter.get_payload(decode=True).decode().replace("\r", ""))
            for to, letter in office.mail.letters}  # fmt: skip
    subject, body = came[hindi]
    assert subject == "Test: निमंत्रण"
    assert body.startswith("आपको Test में आमंत्रित किया गया है।\n\nसात दिनों के भीतर स्वीकार करें: souki_")
    subject, body = came[english]
    assert subject == "Test: an invitation" and body.startswith(
        "You are invited to Test.\n\nAccept within seven days: souki_"
    )
    subject, body = came[f"ops@{world.tenant_id.hex}.example.com"]
    assert subject == "Test: your code" and body[6:].startswith(" is your code for Test.")
    ((_, sent),) = office.sms.posted
    assert re.fullmatch(r"\d{6} Test के लिए आपका कोड है। यह पाँच मिनट तक मान्य है। .*।", sent["text"])


async def test_what_is_not_taken_now_comes_again_with_the_same_id(world: World, office: Office) -> None:
    office.sms.answers = [503, 429, 302]
    await Signing(world).request(phone="+919812344002")
    for attempt in (1, 2, 3):
        (due,) = await office.once()
        assert due is not None and timedelta(seconds=1) <= due - world.now <= timedelta(seconds=1 + 2.0**attempt)
        (row,) = await office.letters()
        assert (row.status, row.attempts) == ("WAITING", attempt)
    assert row.error == "http 302"
    assert await office.once() == [None]
    assert len({headers["idempotency-key"] for headers, _ in office.sms.posted}) == 1
    assert [row.status for row in await office.letters()] == ["SENT"]


@pytest.mark.parametrize(("to", "word"), [("email", "smtp 550"), ("phone", "http 422")])
async def test_what_is_refused_for_good_is_given_up_at_once(world: World, office: Office, to: str, word: str) -> None:
    office.mail.refuse, office.sms.answers = ["550 no such user"], [422]
    await Signing(world).request(**{to: fresh() if to == "email" else "+919812344003"})
    assert await office.once() == [None]
    (row,) = await office.letters()
    assert (row.status, row.error, row.body_enc) == ("DEAD", word, None)
    assert await office.waiting() == 0


async def test_a_letter_is_given_up_after_eight_attempts_or_when_it_is_too_late(world: World, office: Office) -> None:
    office.mail.refuse = ["451 later"] * 100
    await invited(world, email=fresh())
    for _ in range(ATTEMPTS - 1):
        assert (await office.once())[0] is not None
    assert await office.once() == [None]
    (row,) = await office.letters()
    assert (row.status, row.attempts, row.error) == ("DEAD", ATTEMPTS, "smtp 451")
    taken = office.mail.connections
    await Signing(world).request(email=fresh())
    world.now += timedelta(minutes=5)
    assert await office.once() == [None]
    assert [row.error for row in await office.letters()][1] == "too late"
    assert office.mail.connections == taken


async def test_a_worker_that_comes_late_does_not_overwrite_the_next_one(world: World, office: Office) -> None:
    """It took the letter, lost its lease while the gateway was slow, and another one settled it."""

    class Slow:
        async def send(self, *_: str) -> None:
            await world.rows("UPDATE letter SET attempts = attempts + 1 RETURNING id")

    office.post = Post({LetterChannel.EMAIL: Slow()})
    await Signing(world).request(email=fresh())
    await office.once()
    (row,) = await office.letters()
    assert (row.status, row.attempts) == ("WAITING", 2)
    assert await office.waiting() == 1


@pytest.mark.parametrize("tell", [True, False])
async def test_without_a_gateway_letters_are_kept_and_told_of_a_demo_on_a_development_machine(
    world: World, office: Office, tell: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.post = Post(tell=tell)
    address = fresh()
    await Signing(world).request(email=address)
    told = SimpleNamespace(lines=[])
    told.info = lambda *line, **facts: told.lines.append((line, facts))
    monkeypatch.setattr("souk.worker.letters.log", told)
    await office.once()
    (row,) = await office.letters()
    assert row.status == "KEPT" and row.body_enc is not None
    code = await Signing(world).code(address)
    assert [code in str(line) for line in told.lines] == ([True] if tell else [])


async def test_an_address_that_does_not_answer_is_tried_again(world: World, office: Office) -> None:
    office.post = Post(
        {
            LetterChannel.EMAIL: SmtpMail("smtp://127.0.0.1:1", "a@b.example"),
            LetterChannel.SMS: HttpSms("http://127.0.0.1:1/", None),
        }
    )
    await Signing(world).request(email=f"{uuid4().hex}@example.org")
    await Signing(world).request(phone="+919812344004")
    assert None not in await office.once()
    assert {row.status for row in await office.letters()} == {"WAITING"}


async def test_elsewhere_than_on_this_machine_a_mail_server_must_offer_tls(
    world: World, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("souk.gateways.mail.HOSTS", frozenset())
    await Signing(world).request(email=fresh())
    assert None not in await office.once()
    (row,) = await office.letters()
    assert (row.status, row.error, office.mail.letters) == ("WAITING", "SMTPException", [])


async def test_codes_and_letters_are_forgotten_when_they_are_over(world: World, office: Office) -> None:
    """A code after the day in which it weighs on its key, a letter after a month."""
    await Signing(world).request(email=fresh())
    sent = world.now
    due = await world.rows(
        "SELECT kind, ref, due_at FROM souk.work WHERE tenant_id = :t ORDER BY kind", t=world.tenant_id
    )
    assert [(row.kind, row.due_at - sent) for row in due] == [
        ("letter.over", timedelta(days=30, minutes=5)),
        ("letter.send", timedelta(0)),
        ("session.challenge_over", timedelta(days=1, minutes=5)),
    ]
    for row in (due[0], due[2]):
        async with office.db.transaction(
            system_actor(world.tenant_id), f"timer:{row.kind}", now=row.due_at, system=True
        ) as tx:
            await TIMERS[row.kind](tx, row.ref)
    assert await world.rows("SELECT id FROM letter UNION ALL SELECT id FROM sign_in_challenge") == []
