"""The applications of the demo: their documents fit the schema, and cost at most what they say."""

import pytest

from souk.settings import Settings
from souk.web.documents import judge_of
from souk.worker.demo.apps import APPS, App


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_a_document_of_the_demo_is_what_it_says(app: App) -> None:
    assert judge_of(Settings())(app.document) == (app.operation, app.ceiling)
