"""The chain: one spelling of a row, and any tampering is found where it happened."""

import hashlib
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules.chain import GENESIS, canonical, link, verify

scalars = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.uuids()
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3))
entries = st.lists(st.dictionaries(st.text(), values, max_size=4), min_size=1, max_size=8)


def chained(rows):
    head, out = GENESIS, []
    for row in rows:
        out.append((row, head, link(head, row)))
        head = out[-1][2]
    return out


def test_a_row_has_one_spelling() -> None:
    at = datetime(2026, 11, 20, 10, 0, tzinfo=timezone(timedelta(hours=3)))
    row = {"b": 1, "a": [True, None, "é"], "at": at, "id": UUID(int=1), "sha": b"\x01"}
    assert canonical(row).decode() == (
        '{"a":[true,null,"é"],"at":"2026-11-20T07:00:00.000000Z","b":1,'
        '"id":"00000000-0000-0000-0000-000000000001","sha":"01"}'
    )
    assert canonical(dict(reversed(row.items()))) == canonical(row)
    assert link(GENESIS, {}) == hashlib.sha256(bytes(32) + b"{}").digest()


@pytest.mark.parametrize("value", [1.5, float("nan"), {1}, datetime(2026, 1, 1), {1: 2}, object()])  # noqa: DTZ001
def test_what_has_several_spellings_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"x": value})


@given(entries)
def test_an_untouched_chain_verifies(rows) -> None:
    chain = chained(rows)
    verdict = verify(chain)
    assert (verdict.verified, verdict.count, verdict.head) == (True, len(rows), chain[-1][2])


@given(entries, st.data())
def test_a_changed_row_breaks_at_itself(rows, data) -> None:
    chain = chained(rows)
    at = data.draw(st.integers(0, len(chain) - 1))
    row, prev, hashed = chain[at]
    chain[at] = ({**row, "added": 1} if "added" not in row else {}, prev, hashed)
    verdict = verify(chain)
    assert (verdict.verified, verdict.broken_at, verdict.count) == (False, at, at)
    assert verdict.head == prev


@given(entries.filter(lambda rows: len(rows) > 1), st.data())
def test_a_removed_row_breaks_at_the_next(rows, data) -> None:
    chain = chained(rows)
    at = data.draw(st.integers(0, len(chain) - 2))
    del chain[at]
    assert verify(chain).broken_at == at


def test_a_chain_may_be_verified_from_the_middle() -> None:
    chain = chained([{"n": n} for n in range(5)])
    assert verify(chain[2:], start=chain[1][2]).verified
    assert verify(chain[2:]).broken_at == 0
    assert verify([]).head == GENESIS
    with pytest.raises(ValueError, match="32 bytes"):
        link(b"short", {})
