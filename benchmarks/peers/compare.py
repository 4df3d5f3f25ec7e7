"""That all servers give the same answer, before, between and after what is measured."""

from typing import Any

from .documents import Request
from .servers import Server

CURSORS = ("cursor", "endCursor")


class Different(Exception):
    """Two servers do not answer alike: their speeds must not be compared."""


def data(server: Server, document: str, asked: Request) -> Any:
    """`data` of an answer that is 200 and without errors."""
    answer = server.ask(asked.token, document, asked.variables)
    if answer.status_code != 200:
        raise Different(f"{server.name}, {document}: {answer.status_code} {answer.text[:300]}")
    body = answer.json()
    if body.get("errors"):
        raise Different(f"{server.name}, {document}: {body['errors'][:2]}")
    return body["data"]


def without_cursors(value: Any) -> Any:
    """The same with a mark for each cursor: a client may only hand them back."""
    if isinstance(value, dict):
        return {
            key: bool(each) and "cursor" if key in CURSORS else without_cursors(each) for key, each in value.items()
        }
    return [without_cursors(each) for each in value] if isinstance(value, list) else value


def same(first: Server, second: Server, document: str, asked: Request, more: Request | None = None) -> None:
    """Raises Different unless both answer equal JSON; the envelope and foreign cursors are left out of account."""
    left, right = data(first, document, asked), data(second, document, more or asked)
    if first.opaque_cursors or second.opaque_cursors:
        left, right = without_cursors(left), without_cursors(right)
    if left != right:
        raise Different(f"{document}: {first.name} and {second.name} differ: {_where(left, right)}")


def all_same(
    reference: Server, others: list[Server], requests: dict[str, list[Request]], foreign: list[Request]
) -> None:
    """Every request at every server, where the page's cursor leads, and that nobody shows another tenant's listing."""
    for server in (reference, *others):
        for asked in foreign:
            if data(server, "point", asked) != {"listing": None}:
                raise Different(f"{server.name} shows a listing of another tenant")
    for server in others:
        for document, each in requests.items():
            for asked in each:
                same(reference, server, document, asked)
        first = requests["page"][0]
        ends = [data(each, "page", first)["listings"]["pageInfo"]["endCursor"] for each in (reference, server)]
        following = [Request(first.token, {"after": end}) for end in ends]
        same(reference, server, "page", *following)


def fields(value: Any) -> int:
    """How many fields an answer has, those of objects included."""
    if isinstance(value, dict):
        return len(value) + sum(map(fields, value.values()))
    return sum(map(fields, value)) if isinstance(value, list) else 0


def _where(left: Any, right: Any, path: str = "") -> str:
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        return next((_where(left[key], right[key], f"{path}.{key}") for key in left if left[key] != right[key]), path)
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return next(
            (_where(*pair, f"{path}.{at}") for at, pair in enumerate(zip(left, right)) if pair[0] != pair[1]), path
        )
    return f"{path.lstrip('.')}: {str(left)[:200]} and {str(right)[:200]}"
