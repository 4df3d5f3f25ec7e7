"""Registered documents: which versions of applications there are, what each sends, and how a version is handed in."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import strawberry
from sqlalchemy import ColumnElement, LargeBinary, Select, Text, func, insert, literal, select

from ..db.session import Transaction
from ..engine.scalars import JSON
from ..engine.symbols import Viewer, derived, is_symbol, key
from ..models import OperationManifest, PersistedOperation, new_id
from ..permissions.document import SeesManifest, SeesOperation
from ..rules import text
from ..rules.actor import Role
from ..rules.enums import Described
from ..rules.errors import Invalid, NotUnique, OutOfRange, Problems
from ..rules.manifest import PREFIX, Listed, read_id, read_manifest
from .enums import known
from .filters import conditions, refers_to
from .writing import locked, means, permit

means(
    "uq_operation_manifest_tenant_id_client_app_client_version",
    lambda: NotUnique("Somebody else is handing in the same version.", field="client_version"),
)
SHOWN = 10
"""Problems of one manifest that are told; a schema that changed breaks many documents at once."""


class Judged(NamedTuple):
    """What is known of a document that fits the schema: the name of its first operation, and its worst case in points."""

    name: str | None
    ceiling: int


Judge = Callable[[str], Judged]
_judges: list[Judge] = []


def judged_by(judge: Judge) -> None:
    """Set what a document is held against; the schema does, once it is whole. A judge raises Invalid or OutOfRange."""
    _judges[:] = [judge]


# Reads ------------------------------------------------------------------------------------------------------------


@known
class OperationManifestOrder(Described):
    """The order of a list of manifests."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."


@known
class PersistedOperationOrder(Described):
    """The order of a list of registered documents."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."


MANIFEST_ORDER = {
    OperationManifestOrder.NEWEST: OperationManifest.created_at.desc(),
    OperationManifestOrder.OLDEST: OperationManifest.created_at.asc(),
}
OPERATION_ORDER = {
    PersistedOperationOrder.NEWEST: PersistedOperation.created_at.desc(),
    PersistedOperationOrder.OLDEST: PersistedOperation.created_at.asc(),
}


@strawberry.input(description="Conditions on manifests; all must hold.")
class OperationManifestFilter:
    client_app: strawberry.Maybe[str] = strawberry.field(description="Of this application.")
    client_version: strawberry.Maybe[str] = strawberry.field(description="Of this version.")

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.client_app:
            yield OperationManifest.client_app == self.client_app.value
        if self.client_version:
            yield OperationManifest.client_version == self.client_version.value


@strawberry.input(description="Conditions on registered documents; all must hold.")
class PersistedOperationFilter:
    manifest_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Of this version of an application.")
    document_id: strawberry.Maybe[str] = strawberry.field(
        description="With this hash: `sha256:` and 64 hexadecimal digits."
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.manifest_id:
            yield refers_to(PersistedOperation.manifest_id, self.manifest_id.value, OperationManifest)
        if self.document_id:
            yield PersistedOperation.sha256 == _digest(self.document_id.value)


def operation_manifests(
    viewer: Viewer,
    filter: OperationManifestFilter | None = None,
    order_by: OperationManifestOrder = OperationManifestOrder.NEWEST,
) -> Select[OperationManifest]:
    """The versions of applications whose documents are registered."""
    found = select(OperationManifest).where(SeesManifest().rows(viewer), *conditions(filter, viewer))
    return found.order_by(MANIFEST_ORDER[order_by])


def operation_manifest(viewer: Viewer, id: strawberry.ID) -> Select[OperationManifest]:
    """One version of an application by its id."""
    return select(OperationManifest).where(
        OperationManifest.id == key(id, OperationManifest), SeesManifest().rows(viewer)
    )


def persisted_operations(
    viewer: Viewer,
    filter: PersistedOperationFilter | None = None,
    order_by: PersistedOperationOrder = PersistedOperationOrder.NEWEST,
) -> Select[PersistedOperation]:
    """The registered documents."""
    found = select(PersistedOperation).where(SeesOperation().rows(viewer), *conditions(filter, viewer))
    return found.order_by(OPERATION_ORDER[order_by])


def persisted_operation(viewer: Viewer, id: strawberry.ID) -> Select[PersistedOperation]:
    """One registered document by its id."""
    return select(PersistedOperation).where(
        PersistedOperation.id == key(id, PersistedOperation), SeesOperation().rows(viewer)
    )


def operations_of_manifest(viewer: Viewer, manifest: OperationManifest) -> Select[PersistedOperation]:
    """What this version sends."""
    found = select(PersistedOperation).where(
        PersistedOperation.manifest_id == manifest.id, SeesOperation().rows(viewer)
    )
    return found.order_by(PersistedOperation.created_at)


def manifest_of_operation(viewer: Viewer, operation: PersistedOperation) -> Select[OperationManifest]:
    """The version of an application that sends it."""
    return select(OperationManifest).where(OperationManifest.id == operation.manifest_id, SeesManifest().rows(viewer))


def _digest(document_id: Any) -> Any:
    """The digest that is asked for; what is none is no document's."""
    return derived(document_id, LargeBinary(), _read) if is_symbol(document_id) else _read(document_id)


def _read(document_id: str) -> bytes:
    return read_id(document_id) or b""


def hash_of(operation: Any) -> ColumnElement[str]:
    """`sha256:…`, beside the row."""
    return literal(PREFIX, Text()) + func.encode(operation.sha256, "hex", type_=Text())


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="The documents of one version of an application.")
class OperationManifestPushInput:
    client_app: str = strawberry.field(description="The application, at most 100 characters.")
    client_version: str = strawberry.field(description="Its version, at most 100 characters.")
    owner_role: Role | None = strawberry.field(
        default=None, description="The role that it signs in with; null when it serves several. It opens no door."
    )
    manifest: JSON = strawberry.field(
        description="The file as the tool wrote it, as JSON: a map from SHA-256 to document (GraphQL codegen's client"
        " preset, Relay), or Apollo's persisted-query manifest."
    )


async def operation_manifest_push(tx: Transaction, input: OperationManifestPushInput) -> OperationManifest:
    """Register the documents of a version; those it has stay, new ones are added. Nothing is registered in part.

    Refused when a hash is not the SHA-256 of its document, or a document does not fit the schema or costs too much.
    """
    await permit(tx, SeesManifest(), None)
    problems = Problems()
    app = problems.take(lambda: text.line(input.client_app, 100), "client_app")
    version = problems.take(lambda: text.line(input.client_version, 100), "client_version")
    listed = problems.take(lambda: read_manifest(input.manifest), "manifest") or []
    judged = [(each, problems.take(lambda each=each: _judge(each), "manifest")) for each in listed]  # type: ignore[misc]
    del problems.all[SHOWN:]
    problems.check()
    manifest = await _manifest(tx, str(app), str(version))
    there = select(PersistedOperation.sha256).where(PersistedOperation.manifest_id == manifest.id)
    known_ = set((await tx.session.execute(there)).scalars())
    rows = [
        {"id": new_id(), "tenant_id": tx.actor.tenant_id, "created_at": tx.now, "manifest_id": manifest.id,
         "sha256": each.sha256, "document": each.document, "name": each.name or found.name or each.sha256.hex()[:12],
         "ceiling": found.ceiling}
        for each, found in judged if found is not None and each.sha256 not in known_
    ]  # fmt: skip
    if rows or manifest.owner_role != input.owner_role:
        manifest.documents += len(rows)
        manifest.owner_role = input.owner_role
        tx.emit("operationManifest.pushed", manifest, data={"added": len(rows)})
        await tx.session.flush()
    if rows:  # not as objects: the audit is to hold the manifest's change, not the text of each document once more
        await tx.session.execute(insert(PersistedOperation), rows)
    return manifest


async def _manifest(tx: Transaction, app: str, version: str) -> OperationManifest:
    asked = select(OperationManifest).where(
        OperationManifest.tenant_id == tx.actor.tenant_id,
        OperationManifest.client_app == app,
        OperationManifest.client_version == version,
    )
    found = (await tx.session.execute(asked.with_for_update())).scalar_one_or_none()
    if found is not None:
        return found
    made = OperationManifest(id=new_id(), client_app=app, client_version=version, documents=0)
    tx.emit("operationManifest.created", tx.add(made))
    await tx.session.flush()
    return made


def _judge(listed: Listed) -> Judged:
    label = listed.name or listed.sha256.hex()[:12]
    try:
        return _judges[0](listed.document)
    except (Invalid, OutOfRange) as refused:
        raise type(refused)(f"{label}: {refused.message}") from None


@strawberry.input(description="A version of an application that should be used no more.")
class OperationManifestDeprecateInput:
    id: strawberry.ID = strawberry.field(description="The manifest.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def operation_manifest_deprecate(tx: Transaction, input: OperationManifestDeprecateInput) -> OperationManifest:
    """Mark a version as deprecated. Its documents are answered as before; `lastUsedAt` tells who still sends them."""
    manifest = await locked(tx, OperationManifest, input.id, SeesManifest(), version=input.expected_version)
    await permit(tx, SeesManifest(), manifest)
    if manifest.deprecated_at is None:
        manifest.deprecated_at = tx.now
        tx.emit("operationManifest.deprecated", manifest)
        await tx.session.flush()
    return manifest
