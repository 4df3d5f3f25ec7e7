"""What may be registered: the guard of every request stands before the judge of manifests."""

from souk.documents.judge import Judge
from souk.rules.errors import Invalid, OutOfRange
from souk.schema import schema
from souk.settings import Settings
from souk.web.errors import Code, Failure
from souk.web.guard import Guard


def judge_of(settings: Settings) -> Judge:
    """The judge of manifests: the guard of every request stands before it."""
    guard = Guard(settings)

    def refuse(text: str) -> None:
        try:
            guard.check(text)
        except Failure as failure:
            kind = OutOfRange if failure.code is Code.QUERY_TOO_COMPLEX else Invalid
            raise kind(failure.message) from None

    return Judge(schema, refuse, settings.max_cost)
