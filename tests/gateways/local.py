"""A mail server and a provider of text messages on this machine, as far as a client can tell."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from typing import Any


@dataclass
class MailServer:
    """What was delivered; `refuse` answers recipients with this line instead, as often as it has lines."""

    port: int = 0
    letters: list[tuple[str, Message]] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)
    connections: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        to = ""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"220 local\r\n")
            while line := (await reader.readline()).decode().strip():
                word = line.split(" ")[0].split(":")[0].upper()
                match word:
                    case "RCPT":
                        answer = self.refuse.pop(0) if self.refuse else "250 ok"
                        to = line.partition("<")[2].partition(">")[0]
                    case "DATA":
                        writer.write(b"354 go on\r\n")
                        text = (await reader.readuntil(b"\r\n.\r\n")).decode()
                        self.letters.append((to, message_from_string(text)))
                        answer = "250 taken"
                    case "QUIT":
                        answer = "221 bye"
                    case _:
                        answer = "250 ok"
                writer.write(f"{answer}\r\n".encode())
                await writer.drain()
        writer.close()


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    made = MailServer()
    async with await asyncio.start_server(made.talk, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


@dataclass
class Provider:
    """What was posted, with its headers; `answers` are the statuses of the next requests, then 200."""

    port: int = 0
    posted: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                lines = head.strip().split("\r\n")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
                body = await reader.readexactly(int(headers["content-length"]))
                self.posted.append((headers, json.loads(body)))
                status = self.answers.pop(0) if self.answers else 200
                writer.write(
                    f"HTTP/1.1 {status} x\r\ncontent-length: 2\r\nlocation: http://127.0.0.1:1/\r\n\r\n{{}}".encode()
                )
                await writer.drain()
        writer.close()


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    async with await asyncio.start_server(made.talk, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made
