"""Buckets: exact points with a clock of the test's own; in one process, in Redis, and when Redis goes away."""

import asyncio
import shutil
import socket
import subprocess
import threading
from time import monotonic
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import SecretStr

from souk.rules.actor import Actor, Role
from souk.settings import Settings
from souk.web.errors import Code, Failure
from souk.web.limits import Allowances, Local, Rate, network
from souk.web.redis import Shared
from tests.web.resp import Server

TENANT, OTHER = UUID(int=1), UUID(int=2)
OPS = Actor(TENANT, Role.OPS, UUID(int=10))
PUBLIC = Actor(TENANT, Role.PUBLIC)
SMALL = (("p:one", Rate(100, 10)),)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def refusal(error):
    return error.value.code, error.value.retry_after_ms, error.value.facts["scope"]


async def test_the_figures_of_each_bucket():
    limits = Allowances(Settings(), Local(Clock()))
    assert limits.wanted(OPS, "192.0.2.1") == (
        (f"p:{OPS.user_id}", Rate(10_000, 1_000)),
        (f"t:{TENANT}", Rate(20_000, 5_000)),
    )
    assert limits.wanted(PUBLIC, "192.0.2.1") == (("a:192.0.2.1", Rate(500, 50)),)
    assert limits.wanted(None, "2001:db8::7") == (("a:2001:db8::", Rate(500, 50)),)
    assert Allowances(Settings(limit_scale=2)).address == Rate(1_000, 100)
    assert Allowances(Settings(limit_scale=2, api_processes=4)).address == Rate(250, 25)
    shared = Settings(limit_scale=2, api_processes=4, redis_url=SecretStr("redis://127.0.0.1:1"))
    assert Allowances(shared).address == Rate(1_000, 100)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:0:1:ff::1", "2001:db8:0:1::"), ("", "unknown"), ("unix:", "unknown")],
)  # fmt: skip
def test_whose_an_address_is(address, expected):
    assert network(address) == expected


async def test_points_are_taken_given_back_and_come_back():
    clock = Clock()
    limits = Allowances(Settings(), Local(clock))
    charge = await limits.charge(PUBLIC, "192.0.2.1", 400)
    assert (charge.remaining, charge.limit, charge.full_in) == (100, 500, 8)
    assert charge.headers() == ((b"ratelimit-policy", b'"points";q=500;w=10'), (b"ratelimit", b'"points";r=100;t=8'))
    with pytest.raises(Failure) as error:
        await limits.charge(PUBLIC, "192.0.2.1", 200)
    assert refusal(error) == (Code.RATE_LIMITED, 2_000, "address")
    assert error.value.status == 429
    charge.settle(100)
    charge.settle(0)  # once only
    assert charge.remaining == 400
    assert (await limits.charge(PUBLIC, "192.0.2.1", 400)).remaining == 0
    assert (await limits.charge(PUBLIC, "192.0.2.2", 1)).remaining == 499
    clock.now += 2
    assert (await limits.charge(PUBLIC, "192.0.2.1", 60)).remaining == 40
    clock.now += 3600
    assert (await limits.charge(PUBLIC, "192.0.2.1", 0)).remaining == 500


async def test_what_costs_more_than_a_bucket_waits_for_a_full_one():
    clock = Clock()
    limits = Allowances(Settings(), Local(clock))
    await limits.charge(PUBLIC, "192.0.2.1", 1)
    with pytest.raises(Failure) as error:
        await limits.charge(PUBLIC, "192.0.2.1", 900)
    assert error.value.retry_after_ms == 20
    clock.now += 1
    assert (await limits.charge(PUBLIC, "192.0.2.1", 900)).remaining == 0
    with pytest.raises(Failure) as error:
        await limits.charge(PUBLIC, "192.0.2.1", 100)
    assert error.value.retry_after_ms == 10_000  # 400 in debt


async def test_a_tenant_is_limited_over_all_its_people_and_strangers_do_not_count():
    limits = Allowances(Settings(), Local(Clock()))
    for n in range(2):
        await limits.charge(Actor(TENANT, Role.OPS, UUID(int=100 + n)), "192.0.2.1", 10_000)
    with pytest.raises(Failure) as error:
        await limits.charge(Actor(TENANT, Role.OPS, UUID(int=102)), "192.0.2.1", 1)
    assert refusal(error) == (Code.RATE_LIMITED, 1, "tenant")
    assert (await limits.charge(Actor(OTHER, Role.OPS, UUID(int=103)), "192.0.2.1", 1)).remaining == 9_999
    assert (await limits.charge(PUBLIC, "192.0.2.1", 1)).remaining == 499


# Redis ----------------------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Real:
    """`redis-server`, where the machine has it."""

    def __init__(self, program, port):
        self.process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/"],
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        while b"Ready to accept connections" not in (line := self.process.stdout.readline()):
            assert line, "redis-server ended"

    def stop(self):
        self.process.terminate()
        self.process.communicate()


class Spoken:
    """The same words and the same script from `tests/web/resp.py`, where it has not: nothing is left out."""

    def __init__(self, _, port):
        self.server = Server(port)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.server.stop()


@pytest.fixture
def redis():
    """A Redis of the test's own: its URL, and the way to end it."""
    port, program = free_port(), shutil.which("redis-server")
    server = (Real if program else Spoken)(program, port)
    stopped = []

    def stop():
        if not stopped:
            stopped.append(True)
            server.stop()

    yield f"redis://127.0.0.1:{port}/0", stop
    stop()


@pytest_asyncio.fixture
async def two(redis):
    """The buckets of two processes over one Redis, which they wait for: a machine that is busy is no outage."""
    both = Shared(redis[0], wait=30), Shared(redis[0], wait=30)
    yield both
    for each in both:
        await each.close()


async def test_two_processes_share_what_is_in_redis(two):
    one, other = two
    began = monotonic()
    assert (await one.take(SMALL, 60)).left == (40.0,)
    taken = await other.take(SMALL, 60)
    passed = monotonic() - began
    assert taken.refused_by == 0
    assert 2.0 - passed <= taken.wait <= 2.0
    assert 40.0 <= taken.left[0] <= 40.0 + 10 * passed
    one.give(SMALL, 50)
    await one.settled()
    taken = await other.take(SMALL, 85)
    assert (taken.refused_by, taken.left[0] < 100) == (None, True)
    assert 5.0 <= taken.left[0] <= 5.0 + 10 * (monotonic() - began)


async def test_all_of_a_callers_buckets_or_none(two):
    one, _ = two
    wanted = (("p:a", Rate(100, 1)), ("t:b", Rate(10, 1)))
    taken = await one.take(wanted, 10)
    assert (taken.refused_by, taken.left) == (None, (90.0, 0.0))
    taken = await one.take(wanted, 10)
    assert taken.refused_by == 1
    assert 90.0 <= taken.left[0] < 91.0


async def test_a_hundred_at_once_get_no_more_than_there_is(two):
    slow = (("p:race", Rate(100, 0.001)),)
    found = await asyncio.gather(*(two[n % 2].take(slow, 5) for n in range(100)))
    assert sum(each.refused_by is None for each in found) == 20


async def test_a_bucket_is_forgotten_once_it_is_full_again(two):
    await two[0].take(SMALL, 60)
    assert 6_000 <= await two[0].redis.pttl("souk:limit:p:one") <= 7_000


async def test_without_redis_each_process_limits_by_itself(two, redis):
    one, _ = two
    await one.take(SMALL, 60)
    redis[1]()
    assert (await one.take(SMALL, 60)).left == (40.0,)
    assert (await one.take(SMALL, 90)).refused_by == 0
    one.give(SMALL, 20)
    assert one._giving == set()
