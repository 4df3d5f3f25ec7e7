"""A `souk …` in this process: its words and its exit, without the start of a program."""

import asyncio
import logging
from typing import Any

import structlog
from click.testing import CliRunner, Result

from souk.cli import app


async def souk_here(*arguments: str, **settings: object) -> Result:
    """What the command says with these settings, as on a terminal of 240 columns."""
    given = {f"SOUK_{name.upper()}": str(value) for name, value in settings.items()}
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    try:
        runner: Any = CliRunner()
        return await asyncio.to_thread(runner.invoke, app, arguments, env={**given, "COLUMNS": "240"})
    finally:  # a command sets up the log of its process
        structlog.configure(**before)
        logging.getLogger().handlers[:] = handlers
