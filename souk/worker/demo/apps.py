"""Applications that sign in at a demo tenant, each with a document of its own that is registered."""

from typing import NamedTuple

from ...models import OperationManifest, PersistedOperation
from ...rules.actor import Role
from ...rules.manifest import digest
from .ground import Ground


class App(NamedTuple):
    """One version of an application, its one document and the points that this costs at most."""

    name: str
    version: str
    role: Role
    operation: str
    document: str
    ceiling: int


APPS = (
    App("desk", "1.0.0", Role.OPS, "Desk", "query Desk { viewer { role tenant { name } } alerts(first: 10) { nodes { id status } } }", 2),
    App("shop", "2.4.1", Role.CUSTOMER, "Shop", "query Shop($first: Int = 20) { listings(first: $first) { nodes { id title } } }", 10),
    App("wall", "0.9.0", Role.SERVICE, "Wall", "query Wall { batches(first: 5) { nodes { id status counts { total succeeded } } } }", 1),
)  # fmt: skip


async def seed_apps(ground: Ground) -> None:
    """Three applications; the oldest should be used no more."""
    async with ground.act(None, "operationManifestPush", ground.ago(days=90)) as tx:
        for app in APPS:
            manifest = tx.add(
                OperationManifest(
                    id=ground.id("app", app.name), client_app=app.name, client_version=app.version,
                    owner_role=app.role, documents=1, deprecated_at=ground.ago(days=7) if app.name == "wall" else None,
                )
            )  # fmt: skip
            await tx.session.flush()
            tx.add(
                PersistedOperation(
                    id=ground.id("operation", app.operation), manifest_id=manifest.id, sha256=digest(app.document),
                    name=app.operation, document=app.document, ceiling=app.ceiling,
                )
            )  # fmt: skip
            tx.emit("operationManifest.pushed", manifest, data={"added": 1})
