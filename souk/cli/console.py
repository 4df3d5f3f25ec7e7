"""How commands speak: results on standard output, everything else on standard error."""

from typing import NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from souk.settings import PREFIX, Settings
from souk.web import logging

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def failed(message: str) -> NoReturn:
    """End the command with one line."""
    err.print(f"souk: {message}", markup=False)
    raise typer.Exit(1)


def settings() -> Settings:
    """The settings, or one line that names each wrong one without its value."""
    try:
        given = Settings()
        logging.configure(given)  # whatever the process logs, it logs without the values of variables
        return given
    except ValidationError as error:
        wrong = [
            " ".join([f"{PREFIX}{'_'.join(map(str, each['loc'][:1])).upper()}".removesuffix("_"), each["msg"]])
            for each in error.errors(include_input=False, include_url=False)
        ]
        failed("; ".join(wrong))
