"""Structured log lines: one event with facts, never a token, a variable or the text of a document.

What clients send gets into exceptions: PostgreSQL quotes the value it refuses. So of an exception the log has its type, its
SQL state and where it was raised, not what it says; with SOUK_LOG_LEVEL=debug, on a developer's machine, all of it. No
line is longer than 2 KB.
"""

import asyncio
import atexit
import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from time import gmtime, strftime, time
from types import TracebackType
from typing import Any

import orjson
import structlog

from souk.settings import Settings

WAIT, MOST = 0.02, 200  # seconds and lines that are kept back
LINE, VALUE, FRAMES, CAUSES = 2_000, 200, 8, 3  # bytes, characters, calls, exceptions
SHORT = 400  # bytes of a line whose values need not be looked at one by one
ROOT = str(Path(__file__).parents[2]) + "/"
Event = MutableMapping[str, Any]


def _line(event: Any, **_: Any) -> bytes:
    text = orjson.dumps(event, str, orjson.OPT_UTC_Z)
    if len(text) > LINE:
        text = orjson.dumps(
            {name: event[name] for name in KEPT if name in event} | {"cut": True}, str, orjson.OPT_UTC_Z
        )
    return text if len(text) <= LINE else text[:LINE].decode(errors="ignore").encode()


class Lines:
    """Where lines go: together, at most `WAIT` seconds late, but warnings and errors at once, and all where no loop runs."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._kept: list[bytes | tuple[Callable[..., bytes], tuple[Any, ...]]] = []

    def later(self, made: Callable[..., bytes], *facts: Any) -> None:
        """A line that is made when it is written: many at once take a third of the time."""
        self._keep((made, facts))

    def info(self, line: bytes) -> None:
        self._keep(line)

    def _keep(self, line: bytes | tuple[Callable[..., bytes], tuple[Any, ...]]) -> None:
        self._kept.append(line)
        if len(self._kept) >= MOST:
            self.flush()
        elif len(self._kept) == 1:
            try:
                asyncio.get_running_loop().call_later(WAIT, self.flush)
            except RuntimeError:  # a command, or a thread: a timer of the loop is not for it
                self.flush()

    def flush(self) -> None:
        """What was kept back is written."""
        if self._kept:
            kept, self._kept = self._kept, []
            if not self.stream.closed:
                lines = [each if isinstance(each, bytes) else each[0](*each[1]) for each in kept]
                self.stream.write(b"\n".join(lines) + b"\n")
                self.stream.flush()

    def warning(self, line: bytes) -> None:
        self._kept.append(line)
        self.flush()

    debug = msg = log = info
    warn = error = err = critical = fatal = failure = exception = warning


_lines: list[Lines] = []
atexit.register(lambda: flush())


def flush() -> None:
    """Write what is kept back: at the end of a process, or before somebody looks."""
    for each in _lines:
        each.flush()


def lines_to(stream: Any) -> Lines:
    made = Lines(stream)
    _lines.append(made)
    return made


def told(_: Any, method: str, event: Event) -> Event:
    """Level and time; the level is the name of the method."""
    event["level"] = method
    event["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds")[:26] + "Z"
    return event


def written(logger: Any, method: str, event: Event) -> bytes:
    """All of it in one step: what an operation costs is mostly what its line costs."""
    event["level"], event["timestamp"] = method, datetime.now(UTC)
    if "exc_info" in event:
        anonymous(logger, method, event)
    bounded(logger, method, event)
    return _line(event)


def quick(base: Any) -> Any:
    """The same kind of logger, whose lines of information go straight to where lines go."""

    class Quick(base):  # type: ignore[misc]
        def info(self, event: str, **facts: Any) -> None:
            facts["event"], facts["level"], facts["timestamp"] = event, "info", datetime.now(UTC)
            line = b"" if "exc_info" in facts else orjson.dumps(facts, str, orjson.OPT_UTC_Z)
            if not 0 < len(line) <= SHORT:  # else nothing in it can be long
                line = written(None, "info", facts)
            self._logger.info(line)

        def operation(
            self, request_id: str, name: str | None, hash: str, kind: str, transport: str, cost: int, estimated: int,
            ms: float, outcome: str, fused: bool,
        ) -> None:  # fmt: skip
            """`info("operation", …)`, of values that need no escaping: names of GraphQL, ids, hashes and words of ours."""
            self._logger.later(
                _operation, request_id, name, hash, kind, transport, cost, estimated, ms, outcome, fused, time()
            )

    return Quick


def _operation(
    request_id: str, name: str | None, hash: str, kind: str, transport: str, cost: int, estimated: int, ms: float, outcome: str,
    fused: bool, at: float,
) -> bytes:  # fmt: skip
    named = "null" if name is None else f'"{name}"'
    return (
        f'{{"request_id":"{request_id}","name":{named},"hash":"{hash}","kind":"{kind}","transport":"{transport}",'
        f'"cost":{cost},"estimated":{estimated},"ms":{ms:.1f},"outcome":"{outcome}",'
        f'"fused":{"true" if fused else "false"},"event":"operation","level":"info","timestamp":"{_timestamp(at)}"}}'
    ).encode()


_second: tuple[int, str] = (0, "")


def _timestamp(now: float) -> str:
    """A time as the lines have it; the text of a second is made once."""
    global _second
    second, text = _second
    if second != int(now):
        second = int(now)
        text = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
        _second = second, text
    return f"{text}.{int((now - second) * 1e6):06}Z"


KEPT = ("level", "timestamp", "event", "request_id", "code", "outcome", "error", "name", "hash", "logger")


def bounded(_: Any, __: str, event: Event) -> Event:
    """Cut what is long."""
    for name, value in event.items():
        if type(value) is str and len(value) > VALUE:
            event[name] = value[:VALUE] + "…"
    return event


def anonymous(_: Any, __: str, event: Event) -> Event:
    """Replace an exception by what may be said of it."""
    if "exc_info" not in event:
        return event
    found = event.pop("exc_info")
    if found is True:
        found = sys.exc_info()[1]
    if isinstance(found, tuple):
        found = found[1]
    if isinstance(found, BaseException):
        event["error"] = " < ".join(_causes(found))
        event["at"] = " ".join(_frames(found.__traceback__))
    return event


def _causes(error: BaseException) -> list[str]:
    told: list[str] = []
    at: BaseException | None = error
    while at is not None and len(told) < CAUSES:
        state = getattr(at, "sqlstate", None) or getattr(getattr(at, "orig", None), "sqlstate", None)
        constraint = getattr(at, "constraint_name", None)
        told.append(" ".join(filter(None, (type(at).__name__, state, constraint))))
        at = at.__cause__ or getattr(at, "original_error", None) or at.__context__
    return told


def _frames(trace: TracebackType | None) -> list[str]:
    found = traceback.extract_tb(trace)[-FRAMES:]
    return [f"{each.filename.removeprefix(ROOT).rpartition('site-packages/')[2]}:{each.lineno}" for each in found]


class Foreign(logging.Handler):
    """What libraries log, as lines of ours: which of them, and what it says without the values it fills in."""

    def emit(self, record: logging.LogRecord) -> None:
        message: Any = record.msg
        if isinstance(message, OSError):
            said = message.strerror or type(message).__name__  # the system's words: a port that is taken
        elif isinstance(message, str):
            said = message if record.args else message.partition(":")[0]
        else:
            said = type(message).__name__
        structlog.get_logger(record.name).log(
            record.levelno, said, logger=record.name, **({"exc_info": record.exc_info} if record.exc_info else {})
        )


def configure(settings: Settings) -> None:
    """Set up the logs of this process, on standard error; the libraries' own only from warnings on."""
    level, stream = getattr(logging, settings.log_level.upper()), sys.stderr
    flush()
    _lines.clear()
    to = lines_to(stream.buffer) if settings.log_format == "json" else None
    whole = settings.log_level == "debug"
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[Foreign()], force=True)
    shown: list[Any] = (
        [structlog.processors.JSONRenderer(serializer=_line)]
        if settings.log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    filtering = structlog.make_filtering_bound_logger(level)
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    if settings.log_format == "json" and whole:
        shown = [structlog.processors.ExceptionRenderer(tracebacks), *shown]
    structlog.configure(
        processors=[written]
        if settings.log_format == "json" and not whole
        else [told, *([] if whole else [anonymous, bounded]), *shown],
        wrapper_class=quick(filtering) if settings.log_format == "json" and settings.log_level == "info" else filtering,
        logger_factory=((lambda *_: to) if settings.log_format == "json" else structlog.PrintLoggerFactory(stream)),
        cache_logger_on_first_use=True,
    )
