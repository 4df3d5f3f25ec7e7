"""Structured log lines: one event with facts, never a token, a variable or the text of a document."""

import logging
import sys
from typing import Any

import orjson
import structlog

from souk.settings import Settings


def _line(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def configure(settings: Settings) -> None:
    """Set up the logs of this process, on standard error; the libraries' own only from warnings on."""
    level = getattr(logging, settings.log_level.upper())
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, format="%(name)s: %(message)s")
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals hold what must not be logged
    shown = (
        [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer(serializer=_line)]
        if settings.log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *shown,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
