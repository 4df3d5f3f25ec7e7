"""One API process: uvicorn around the app, and an orderly end.

SIGTERM or SIGINT: readiness turns false, subscriptions and sockets get their typed close, requests in flight have
`drain_timeout` to finish, then the process exits.
"""

import asyncio
import os
import socket
import sys
import threading
from contextlib import suppress
from types import FrameType

import structlog
import uvicorn

from souk.settings import Settings
from souk.web.app import App
from souk.web.frames import Frames
from souk.web.joined import Http

log = structlog.get_logger("souk.web")


class Server(uvicorn.Server):
    """uvicorn, but a signal first drains the app and only then closes the listeners."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self.app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drain: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                cut_off(listening, self.app.settings.send_timeout)
                log.info("listening", address=":".join(map(str, listening.getsockname()[:2])))
        if self.started:
            self._warming = asyncio.create_task(self.app.warm())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._warming is not None:
            self._warming.cancel()
        await super().shutdown(sockets)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is None or self.app.draining:
            super().handle_exit(sig, frame)
            self._captured_signals.clear()
            return
        self.app.draining = True
        self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._drain = asyncio.ensure_future(self._end())

    async def _end(self) -> None:
        try:
            await self.app.drain()
        finally:
            self.should_exit = True


def cut_off(listening: socket.socket, seconds: float) -> None:
    """Let the system end the connections of this listener whose peer takes nothing of what waits for it for so long.

    Closing waits for what is still to be sent, so without this a peer that reads nothing would be kept for ever. Where the
    system has no such option (Linux has), the proxy in front must do it.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))


def config_of(settings: Settings, app: App) -> uvicorn.Config:
    """How uvicorn runs it: small frames, no access log of its own (an operation has one line of ours)."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Http,
        ws=Frames,
        ws_max_size=settings.body_limit,
        ws_ping_interval=settings.socket_ping,
        ws_ping_timeout=settings.socket_ping,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=round(settings.drain_timeout),
        timeout_keep_alive=15,
        lifespan="on",
        access_log=False,
        server_header=False,
        log_config=None,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )


def end_with_parent() -> None:
    """Make this process stop when the one at the other end of its standard input is gone, however that ended."""

    def watch() -> None:
        with suppress(OSError):
            while os.read(sys.stdin.fileno(), 1024):
                pass
        os.kill(os.getpid(), 15)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def serve(settings: Settings, app: App, kind: type[Server] = Server) -> bool:
    """Run until told to end; False if it could not start (the port is taken, the app refused)."""
    server = kind(config_of(settings, app), app)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        try:
            runner.run(server.serve())
        except SystemExit:
            return False
    return bool(server.started)
