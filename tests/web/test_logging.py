"""A traceback in the log shows where, and never what was in the variables."""

import io
import sys

import pytest
import structlog

from souk.settings import Settings
from souk.web.logging import configure


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_exception_is_logged_without_the_values_of_variables(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    before = structlog.get_config()
    configure(Settings(log_format=form))
    try:
        secret = "kept-" + "in-a-variable"
        assert secret
        try:
            raise RuntimeError("said aloud")
        except RuntimeError as error:
            structlog.get_logger("test").error("failed", exc_info=error)
    finally:
        structlog.configure(**before)
    told = stream.getvalue()
    assert "said aloud" in told and "test_logging.py" in told
    assert "kept-in-a-variable" not in told
