"""What is put into `souk.work` has somebody who answers it."""

import importlib
import pkgutil
import re
from pathlib import Path

import souk.resolvers
from souk.resolvers.batch import RUN
from souk.worker.due import TIMERS

DUE = re.compile(r'tx\.due\(\s*("[a-z._]+"|[A-Z]+)')


def kinds_put() -> set[str]:
    found = set()
    for module in pkgutil.walk_packages(souk.resolvers.__path__, "souk.resolvers."):
        loaded = importlib.import_module(module.name)
        for word in DUE.findall(Path(str(loaded.__file__)).read_text()):
            found.add(word.strip('"') if word.startswith('"') else getattr(loaded, word))
    return found


def test_every_kind_of_work_has_its_timer() -> None:
    put = kinds_put()
    assert {"offer.expiry", "lead.expiry", "listing.expiry", "alert.cure"} <= put
    assert put - {RUN} == {kind for kind in TIMERS if not kind.startswith("test.")}
