"""Registered documents as clients see them."""

import strawberry

from .. import models
from ..engine.declare import Connection, Node, computed, many, one, payload_node, to_many, to_one, view
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..permissions.document import SeesManifest, SeesOperation
from ..resolvers import document as resolve
from ..rules.actor import Role
from ..rules.manifest import document_id
from .mutation import Payload, write


@view(models.OperationManifest, node=resolve.operation_manifest, gate=SeesManifest())
class OperationManifest(Node):
    """One version of an application, with the documents that it sends."""

    client_app: str
    client_version: str
    owner_role: Role | None
    documents: int
    deprecated_at: DateTime | None
    created_at: DateTime
    updated_at: DateTime
    version: int
    operations: Connection["PersistedOperation"] = to_many(resolve.operations_of_manifest)


@view(models.PersistedOperation, node=resolve.persisted_operation, gate=SeesOperation())
class PersistedOperation(Node):
    """A registered document: what a client may send as `documentId`, or by Apollo's hash."""

    document_id: str = computed(
        sql=resolve.hash_of,
        python=lambda operation: document_id(operation.sha256),
        description="`sha256:` and the SHA-256 of the document in hexadecimal.",
    )
    name: str
    document: str
    ceiling: int
    last_used_at: DateTime | None
    created_at: DateTime
    manifest: OperationManifest | None = to_one(resolve.manifest_of_operation)


@strawberry.type(description="The version with its documents.")
class OperationManifestPushPayload(Payload):
    operation_manifest: OperationManifest | None = payload_node(
        "operation_manifest", description="The manifest; null when nothing was registered."
    )


@strawberry.type(description="The deprecated version.")
class OperationManifestDeprecatePayload(Payload):
    operation_manifest: OperationManifest | None = payload_node(
        "operation_manifest", description="The manifest; null when nothing changed."
    )


@strawberry.type
class DocumentQueries:
    operation_manifest: OperationManifest | None = one(resolve.operation_manifest, gate=SeesManifest())
    operation_manifests: Connection[OperationManifest] | None = many(resolve.operation_manifests, gate=SeesManifest())
    persisted_operation: PersistedOperation | None = one(resolve.persisted_operation, gate=SeesOperation())
    persisted_operations: Connection[PersistedOperation] | None = many(
        resolve.persisted_operations, gate=SeesOperation()
    )


@strawberry.type
class DocumentMutations:
    operation_manifest_push: OperationManifestPushPayload | None = write(
        resolve.operation_manifest_push, gate=may("manifest:write")
    )
    operation_manifest_deprecate: OperationManifestDeprecatePayload | None = write(
        resolve.operation_manifest_deprecate, gate=may("manifest:write")
    )
