"""How much a caller may ask: buckets of points that refill, one per principal, per tenant, and per address without either.

An operation takes its estimate before it runs and gets back what it did not need. One that costs more than a whole bucket
waits for a full one and leaves it in debt. Somebody signed in uses the bucket of the principal and the one of the tenant;
an unsigned visitor that of the address only: strangers must not be able to use up what a tenant's own people need.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from math import ceil
from time import monotonic
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog

from souk.rules.actor import Actor
from souk.settings import Settings
from souk.web.errors import Code, Failure

KEPT = 100_000  # buckets in one process; the longest unused goes, which is full again by then
log = structlog.get_logger("souk.web")


class Rate(NamedTuple):
    """A bucket's size in points, and how many come back a second."""

    points: float
    per_second: float


PRINCIPAL, TENANT, ADDRESS = Rate(10_000, 1_000), Rate(20_000, 5_000), Rate(500, 50)
Wanted = tuple[tuple[str, Rate], ...]


class Taken(NamedTuple):
    """What came of asking: which bucket refuses (None: it was granted), seconds to wait, points left in each."""

    refused_by: int | None
    wait: float
    left: tuple[float, ...]


class Buckets(Protocol):
    """Where the points are. `take` is all or nothing over several buckets."""

    async def take(self, wanted: Wanted, points: int) -> Taken: ...

    def give(self, wanted: Wanted, points: int) -> None:
        """Points that were not needed; never waits."""
        ...


class Local:
    """The buckets of one process."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self._kept: OrderedDict[str, list[float]] = OrderedDict()

    async def take(self, wanted: Wanted, points: int) -> Taken:
        return self.taken(wanted, points)

    def taken(self, wanted: Wanted, points: int) -> Taken:
        now, wait, by = self.clock(), 0.0, None
        found = []
        for key, rate in wanted:
            bucket = self._at(key, rate, now)
            found.append(bucket)
            lacking = (points if points < rate.points else rate.points) - bucket[0]
            if lacking > 0 and lacking / rate.per_second > wait:
                wait, by = lacking / rate.per_second, len(found) - 1
        if by is None:
            for bucket in found:
                bucket[0] -= points
        return Taken(by, wait, tuple([bucket[0] for bucket in found]))

    def give(self, wanted: Wanted, points: int) -> None:
        for key, rate in wanted:
            if (bucket := self._kept.get(key)) is not None:
                bucket[0] = min(rate.points, bucket[0] + points)

    def _at(self, key: str, rate: Rate, now: float) -> list[float]:
        bucket = self._kept.get(key)
        if bucket is None:
            bucket = self._kept[key] = [rate.points, now]
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return bucket
        self._kept.move_to_end(key)
        points = bucket[0] + (now - bucket[1]) * rate.per_second
        bucket[0] = points if points < rate.points else rate.points
        bucket[1] = now
        return bucket


class Pace:
    """How often something may happen: `burst` times at once, `per_second` in the long run."""

    __slots__ = ("_full", "burst", "per_second")

    def __init__(self, burst: float, per_second: float) -> None:
        self.burst, self.per_second, self._full = burst, per_second, 0.0

    def keeps(self) -> bool:
        """It happens once more; False when that is too often."""
        now = monotonic()
        self._full = max(self._full, now) + 1 / self.per_second
        return self._full - now <= self.burst / self.per_second


class Charge:
    """The points of one operation, taken; `settle` gives back what it did not need, once."""

    __slots__ = ("_buckets", "_open", "_wanted", "left", "limit", "per_second", "points")

    def __init__(self, buckets: Buckets, wanted: Wanted, points: int, left: tuple[float, ...]) -> None:
        self._buckets, self._wanted, self.points, self._open = buckets, wanted, points, True
        rate, self.left = wanted[0][1], left[0]
        self.limit, self.per_second = rate.points, rate.per_second
        if len(left) > 1 and left[1] < left[0]:  # the tenant's is the tighter one now
            self.left = left[1]

    def settle(self, actual: int) -> None:
        if self._open:
            self._open = False
            if (rest := self.points - actual) > 0:
                self.left = min(self.limit, self.left + rest)
                self._buckets.give(self._wanted, rest)

    @property
    def remaining(self) -> int:
        """Points left, never less than none."""
        return max(0, int(self.left))

    @property
    def full_in(self) -> int:
        """Whole seconds until the bucket is full again."""
        return ceil(max(0.0, self.limit - self.left) / self.per_second)

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """`RateLimit` and `RateLimit-Policy`, as the IETF's draft has them: `q` points in `w` seconds, `r` left."""
        return (policy(self.limit, self.per_second), (b"ratelimit", self.told))

    @property
    def told(self) -> bytes:
        """What `RateLimit` says."""
        return b'"points";r=%d;t=%d' % (max(0.0, self.left), ceil((self.limit - self.left) / self.per_second))


@lru_cache(maxsize=16)
def policy(points: float, per_second: float) -> tuple[bytes, bytes]:
    return (b"ratelimit-policy", b'"points";q=%d;w=%d' % (points, ceil(points / per_second)))


class Allowances:
    """The limits of one process's callers."""

    def __init__(self, settings: Settings, buckets: Buckets | None = None) -> None:
        self.buckets = buckets or Local()
        self._local = self.buckets if isinstance(self.buckets, Local) else None
        share = settings.limit_scale / (1 if settings.redis_url is not None else settings.api_processes)
        self.principal, self.tenant, self.address = (
            Rate(rate.points * share, rate.per_second * share) for rate in (PRINCIPAL, TENANT, ADDRESS)
        )
        self._of_actor = lru_cache(maxsize=10_000)(self._wanted)

    def _wanted(self, principal: UUID, tenant: UUID) -> Wanted:
        return ((f"p:{principal}", self.principal), (f"t:{tenant}", self.tenant))

    def wanted(self, actor: Actor | None, address: str) -> Wanted:
        """The buckets of a caller; without an actor those of the address it calls from."""
        if actor is None or actor.principal_id is None:
            return ((f"a:{network(address)}", self.address),)
        return self._of_actor(actor.principal_id, actor.tenant_id)

    def at_hand(self, actor: Actor | None, address: str, points: int) -> Charge | None:
        """Points where taking them waits for nobody and is not refused; None: `charge` has to see. Then nothing is taken."""
        if self._local is None:
            return None
        wanted = self.wanted(actor, address)
        taken = self._local.taken(wanted, points)
        return Charge(self._local, wanted, points, taken.left) if taken.refused_by is None else None

    async def charge(self, actor: Actor | None, address: str, points: int) -> Charge:
        """Take points. Raises Failure (RATE_LIMITED, with how long to wait)."""
        wanted = self.wanted(actor, address)
        local = self._local
        taken = local.taken(wanted, points) if local is not None else await self.buckets.take(wanted, points)
        charge = Charge(self.buckets, wanted, points, taken.left)
        if taken.refused_by is None:
            return charge
        wait = max(1, ceil(taken.wait * 1000))
        raise Failure(
            Code.RATE_LIMITED,
            "You are asking too much at once; wait a moment.",
            retry_after_ms=wait,
            headers=(policy(charge.limit, charge.per_second), (b"ratelimit", b'"points";r=0;t=%d' % ceil(wait / 1000))),
            cost=points,
            scope=wanted[taken.refused_by][0][0].translate(SCOPES),
        )


SCOPES = {ord("p"): "principal", ord("t"): "tenant", ord("a"): "address"}


@lru_cache(maxsize=4096)
def address_of(text: str) -> str:
    """An IP address as it is always written; empty for what is none, which a proxy may say of a peer it hides."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """An IPv4 address, or the /64 that one owner of an IPv6 address has; what is neither is one caller."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)).network_address)
    return str(found)
