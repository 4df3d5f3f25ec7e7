"""How long whoever guesses has to wait, to the second."""

from datetime import UTC, datetime, timedelta

import pytest

from souk.rules.errors import OutOfRange
from souk.rules.signin import LONGEST, PER_NETWORK, Pressure, held, network_of, next_code, next_guess

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def seconds(at: datetime | None) -> float:
    return 0 if at is None else (at - NOW).total_seconds()


def test_the_pause_between_codes_doubles_from_half_a_minute_to_fifteen() -> None:
    pauses = [seconds(next_code(Pressure(sent=n, sent_at=NOW), NOW)) for n in range(9)]
    assert pauses == [0, 30, 60, 120, 240, 480, 900, 900, 900]
    assert seconds(next_code(Pressure(sent=10**9, sent_at=NOW), NOW)) == 900


def test_five_wrong_guesses_double_it_too_and_the_longer_pause_counts() -> None:
    wrong = [seconds(next_code(Pressure(failed=n, failed_at=NOW), NOW)) for n in (0, 4, 5, 9, 10, 15, 40)]
    assert wrong == [0, 0, 30, 30, 60, 120, 900]
    both = Pressure(sent=1, sent_at=NOW - timedelta(seconds=29), failed=10, failed_at=NOW - timedelta(seconds=20))
    assert seconds(next_code(both, NOW)) == 40
    over = Pressure(sent=1, sent_at=NOW - timedelta(seconds=30), failed=5, failed_at=NOW - timedelta(seconds=30))
    assert next_code(over, NOW) is None


def test_a_network_waits_when_it_asked_sixty_times() -> None:
    assert next_code(Pressure(by_network=PER_NETWORK - 1), NOW) is None
    assert seconds(next_code(Pressure(by_network=PER_NETWORK), NOW)) == 900


def test_what_does_not_run_out_is_slowed_down_by_failures_alone() -> None:
    assert next_guess(Pressure(sent=9, sent_at=NOW, failed=4, failed_at=NOW), NOW) is None
    assert [seconds(next_guess(Pressure(failed=n, failed_at=NOW), NOW)) for n in (5, 10, 15)] == [30, 60, 120]


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::ffff:192.0.2.7", "192.0.2.7"),
     ("", ""), ("testclient", ""), ("fe80::1%eth0", "fe80::/64")],
)  # fmt: skip
def test_what_is_counted_of_an_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_token_lives_between_a_moment_and_a_year() -> None:
    assert held(LONGEST) == LONGEST
    for wrong in (timedelta(0), timedelta(seconds=-1), LONGEST + timedelta(seconds=1)):
        with pytest.raises(OutOfRange):
            held(wrong)
