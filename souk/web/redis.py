"""The buckets of several processes in one Redis. While it cannot be reached, each process keeps its own."""

import asyncio
from time import monotonic
from typing import Any

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from souk.web.limits import Local, Taken, Wanted

CONNECTIONS = 16  # of one process
WAIT = 0.25  # seconds a request waits for Redis
PAUSE = 1.0  # seconds in which it is not asked again after it failed
PREFIX = "souk:limit:"
log = structlog.get_logger("souk.web")

# The clock is Redis's own, so that processes on several machines agree. A negative cost gives points back.
SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local cost, wait, by, left = tonumber(ARGV[1]), 0, 0, {}
for i, key in ipairs(KEYS) do
  local size, rate = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local kept = redis.call('HMGET', key, 'left', 'at')
  local there = size
  if kept[1] then there = math.min(size, tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * rate) end
  left[i] = there
  local lacking = math.min(cost, size) - there
  if cost > 0 and lacking > 0 and lacking / rate > wait then wait, by = lacking / rate, i end
end
for i, key in ipairs(KEYS) do
  local size, rate = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  if by == 0 then left[i] = math.min(size, left[i] - cost) end
  redis.call('HSET', key, 'left', tostring(left[i]), 'at', string.format('%.6f', now))
  redis.call('PEXPIRE', key, math.ceil((size - left[i]) / rate * 1000) + 1000)
  left[i] = tostring(left[i])
end
return {by, tostring(wait), unpack(left)}
"""


class Shared:
    """Buckets in Redis: one round trip takes from all of a caller's, or from none. `wait` in seconds."""

    def __init__(self, url: str, wait: float = WAIT) -> None:
        pool = BlockingConnectionPool.from_url(
            url, max_connections=CONNECTIONS, timeout=wait, socket_timeout=wait, socket_connect_timeout=wait
        )
        self.redis: Any = Redis.from_pool(pool)
        self.script = self.redis.register_script(SCRIPT)
        self.local = Local()
        self._out_until = 0.0
        self._giving: set[asyncio.Task[Taken | None]] = set()

    async def take(self, wanted: Wanted, points: int) -> Taken:
        found = await self._ask(wanted, points)
        return self.local.taken(wanted, points) if found is None else found

    def give(self, wanted: Wanted, points: int) -> None:
        if monotonic() < self._out_until:
            self.local.give(wanted, points)
            return
        task = asyncio.ensure_future(self._ask(wanted, -points))
        self._giving.add(task)
        task.add_done_callback(self._giving.discard)

    async def settled(self) -> None:
        """Wait until what was given back has arrived."""
        if self._giving:
            await asyncio.wait(self._giving)

    async def close(self) -> None:
        await self.settled()
        await self.redis.aclose()

    async def _ask(self, wanted: Wanted, points: int) -> Taken | None:
        if monotonic() < self._out_until:
            return None
        keys = [PREFIX + key for key, _ in wanted]
        rates = [number for _, rate in wanted for number in rate]
        try:
            by, wait, *left = await self.script(keys=keys, args=[points, *rates])
        except (RedisError, OSError, TimeoutError) as error:
            self._out_until = monotonic() + PAUSE
            log.warning("redis cannot be reached; each process limits by itself", error=type(error).__name__)
            return None
        return Taken(by - 1 if by else None, float(wait), tuple(float(each) for each in left))
