"""A shop whose dealers stand on a rung of the ladder, and batches that go to their end and back."""

from datetime import datetime
from typing import Any
from uuid import UUID

from souk.db.session import system_actor
from souk.models import Letter
from souk.resolvers.letter import opened
from souk.rules.actor import Role
from souk.worker import enforcement
from souk.worker.batch import step
from tests.resolvers.test_batch import Shop

assert enforcement.TakeBack
PASSED, AHEAD = "2026-11-22T08:59:00+00:00", "2026-11-25T09:00:00+00:00"
DEALERS = "SELECT standing, notice, cure_due_at FROM dealer WHERE id = :id"
LIVE = "SELECT kind FROM dealer_restriction WHERE dealer_id = :id AND until IS NULL ORDER BY kind"


class Ladder(Shop):
    """A shop whose dealers stand on a rung, and batches that go to their end and back."""

    async def on(self, standing: str, notice: int = 0, due: str | None = None, dealer: UUID | None = None) -> None:
        sql = "UPDATE dealer SET standing = :s, notice = :n, cure_due_at = CAST(:d AS timestamptz) WHERE id = :id RETURNING 1"
        at = datetime.fromisoformat(due) if due else None
        await self.world.rows(sql, s=standing, n=notice, d=at, id=dealer or self.world.dealer)

    async def foreseen(self, action: str | None = None, **selection: Any) -> dict[str, Any]:
        plan = {"reason": "Below the agreed price."} | ({"action": action} if action else {})
        items = "items { nodes { action permitted state warnings impact { amount } cost { amount } } }"
        payload = await self.world.do(
            Role.OPS, "batchPreview", f"preview {{ id total actionable previewHash cost {{ amount }} expiresAt {items} }}",
            kind="ENFORCEMENT", selection=selection or {"alertIds": self.ids()}, plan=plan,
        )  # fmt: skip
        assert payload["userErrors"] == []
        found: dict[str, Any] = payload["preview"]
        return found

    async def run(self, action: str | None = None) -> str:
        """A batch over all alerts, to its end."""
        preview = await self.foreseen(action)
        made = await self.world.do(
            Role.OPS, "batchCreate", "batch { id status }", previewId=preview["id"], idempotencyKey=self.world.key()
        )
        id_ = str(made["batch"]["id"])
        assert (await self.act(Role.OPS, "batchStart", id_))["batch"]["status"] == "RUNNING"
        await self.to_rest(id_)
        return id_

    async def to_rest(self, id_: str, size: int = 200) -> None:
        (row,) = await self.world.rows("SELECT id FROM batch WHERE status IN ('RUNNING', 'CANCELLING', 'ROLLING_BACK')")
        due: datetime | None = self.now
        while due is not None:
            self.now = self.world.now = max(self.now, due)
            due = (await step(self.db, self.world.tenant_id, row.id, now=self.now, size=size)).due

    async def back(self, id_: str) -> dict[str, Any]:
        payload = await self.act(Role.OPS, "batchRollback", id_, reason="A mistake.")
        assert payload["batch"]["status"] == "ROLLING_BACK", payload
        await self.to_rest(id_)
        found = await self.world.data(Role.OPS, BATCH, {"id": id_})
        batch: dict[str, Any] = found["batch"]
        return batch

    async def dealer(self) -> tuple[Any, ...]:
        (row,) = await self.world.rows(DEALERS, id=self.world.dealer)
        return tuple(row)

    async def lacks(self) -> list[str]:
        return [kind for (kind,) in await self.world.rows(LIVE, id=self.world.dealer)]

    async def letters(self) -> list[str]:
        """What the dealers were written, the first first."""
        rows = await self.world.rows("SELECT id FROM letter ORDER BY created_at, id")
        said = []
        async with self.world.souk.app.transaction(system_actor(self.world.tenant_id), "test", system=True) as tx:
            for (id_,) in rows:
                letter = await tx.session.get_one(Letter, (self.world.tenant_id, id_))
                to, body = opened(tx, letter)
                assert (to, letter.subject) == ("dealer@example.com", "Test: about your prices")
                said.append((body or "").split("\n")[0])
        return said


BATCH = """query($id: ID!) { batch(id: $id) { status impactSoFar { amount }
  counts { total pending running waiting succeeded failed dead skipped cancelled compensated }
  report { total durationMs groups { action status outcome errorCode items } } availableTransitions { to mutation }
  items { nodes { n status outcome errorCode errorMessage attempts { n status } } } } }"""


def outcomes(batch: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(node["status"], node["outcome"], node["errorCode"]) for node in batch["items"]["nodes"]]
