"""Child processes that belong together: started, watched, started again when they die, and ended in order."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
SOUND_AFTER = 30.0  # a child that lived so long starts again with the first pause
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]


@dataclass(slots=True)
class Child:
    """One command of this program; `patience` is how many seconds it may take to end after SIGTERM.

    A `later` one starts when the others are ready: on a small machine it would only take their processor away.
    """

    name: str
    arguments: Sequence[str]
    patience: float
    later: bool = False
    process: asyncio.subprocess.Process | None = field(default=None, init=False)
    started: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    restarts: int = field(default=0, init=False)


class Supervisor:
    """Runs children until it is told to stop. They live in sessions of their own: Ctrl-C reaches only this process.

    Each holds the read end of a pipe as its standard input; when this process is killed, the pipe ends, and so do they.
    """

    def __init__(self, children: Sequence[Child], environment: Mapping[str, str], say: Say) -> None:
        self.children, self.environment, self.say = children, environment, say
        self.stopping = asyncio.Event()
        self.ready = asyncio.Event()
        self.failed = False

    async def run(self, ready: Callable[[], asyncio.Future[bool] | asyncio.Task[bool]]) -> bool:
        """Start all, wait for `ready`, keep them alive until a signal, end all of them. False: it never began."""
        loop = asyncio.get_running_loop()
        for one in SIGNALS:
            loop.add_signal_handler(one, self.stopping.set)
        keepers = [asyncio.create_task(self._keep(child)) for child in self.children]
        try:
            waiting = asyncio.ensure_future(ready())
            stopping = asyncio.create_task(self.stopping.wait())
            await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not self.stopping.is_set() and not waiting.result():
                self.failed = True
                self.stopping.set()
            self.ready.set()
            waiting.cancel()
            await stopping
        finally:
            await asyncio.gather(*(self._end(child) for child in self.children))
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
        return not self.failed

    async def _keep(self, child: Child) -> None:
        pause = FIRST_PAUSE
        if child.later:
            await self.ready.wait()
        while not self.stopping.is_set():
            began = monotonic()
            child.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *child.arguments,
                stdin=asyncio.subprocess.PIPE,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
            child.started.set()
            code = await child.process.wait()
            if self.stopping.is_set():
                return
            pause = FIRST_PAUSE if monotonic() - began > SOUND_AFTER else min(pause * 2, LONGEST_PAUSE)
            self.say(f"The {child.name} ended ({_told(code)}); it starts again in {pause:g} s.")
            child.restarts += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)

    async def _end(self, child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), child.patience)
        except TimeoutError:
            self.say(f"The {child.name} did not end in {child.patience:g} s and is killed.")
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _told(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
