"""Commands about registered documents."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from souk.cli.console import err, failed, out, settings
from souk.cli.work import Slug, done
from souk.db.session import Transaction
from souk.documents.fused import left_over
from souk.documents.shipped import Shipped, read, shipped
from souk.models import OperationManifest, PersistedOperation
from souk.resolvers.document import OperationManifestPushInput, judged_by, operation_manifest_push
from souk.rules.actor import Role
from souk.rules.errors import InvalidInput, Refused
from souk.rules.manifest import document_id
from souk.web.documents import judge_of

File = Annotated[Path, typer.Argument(help="The manifest, as GraphQL codegen, Relay or Apollo wrote it.")]
App = Annotated[str, typer.Option(help="The application.")]
Version = Annotated[str, typer.Option(help="Its version.")]
Owner = Annotated[Role | None, typer.Option("--role", help="The role that it signs in with; it opens no door.")]


def push(file: File, tenant: Slug, app: App, version: Version, role: Owner = None) -> None:
    """Register the documents of one version of an application: all of the manifest, or none."""
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        failed(f"{file} cannot be read: {error.strerror}")
    except ValueError:
        failed(f"{file} is not JSON in UTF-8")
    judged_by(judge_of(settings()))
    given = OperationManifestPushInput(client_app=app, client_version=version, owner_role=role, manifest=manifest)
    made = done("operationManifestPush", lambda tx: operation_manifest_push(tx, given), tenant=tenant, patience=120)
    out.print(f"{app} {version} has {made.documents} registered documents", markup=False)


def list_(tenant: Slug) -> None:
    """The registered documents of a tenant, those that come with the program first."""
    table = Table("application", "version", "role", "name", "documentId", "ceiling", "last used", box=None)
    for each in shipped().values():
        table.add_row("souk", "", each.role or "", each.name, each.id, str(each.ceiling), "")
    for manifest, operation in done("documentsList", _registered, tenant=tenant):
        version = manifest.client_version + (" (deprecated)" if manifest.deprecated_at else "")
        used = f"{operation.last_used_at:%Y-%m-%d %H:%M}" if operation.last_used_at else "never"
        table.add_row(
            manifest.client_app, version, manifest.owner_role or "", operation.name, document_id(operation.sha256),
            str(operation.ceiling), used,
        )  # fmt: skip
    out.print(table)


async def _registered(tx: Transaction) -> list[tuple[OperationManifest, PersistedOperation]]:
    asked = (
        select(OperationManifest, PersistedOperation)
        .join(PersistedOperation, PersistedOperation.manifest_id == OperationManifest.id)
        .order_by(OperationManifest.client_app, OperationManifest.created_at, PersistedOperation.name)
    )
    return [(manifest, operation) for manifest, operation in (await tx.session.execute(asked)).all()]


def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Others to check besides, as they would ship.")] = None,
) -> None:
    """Fail when a document that comes with the program does not fit the schema, can cost more than it says, or is not one
    statement for some role."""
    judge, wrong = judge_of(settings()), []
    every = [*shipped().values(), *(read(each.stem, each) for each in files or ())]
    for each in every:
        try:
            judge(each.text)
        except (Refused, InvalidInput) as refused:
            wrong.append(f"{each.name}: {refused}")
            continue
        worst = judge.worst(each.text)
        if worst != each.ceiling or worst > judge.most:
            wrong.append(f"{each.name}: it can cost {worst} points, says {each.ceiling}, and may cost {judge.most}")
        wrong += _not_fused(each)
    for line in wrong:
        err.print(line, markup=False)
    if wrong:
        failed("a registered document is not what it says")
    out.print(f"{len(every)} registered documents, each under its ceiling and fused for every role", markup=False)


def _not_fused(each: Shipped) -> list[str]:
    """One line for each reason, with the roles that it holds for."""
    found: dict[tuple[str, str], list[str]] = {}
    try:
        for left in left_over(each.text):
            found.setdefault((left.part, left.reason), []).append(left.role)
    except ValueError as unfit:
        return [f"{each.name}: nobody knows whether it is fused: {unfit}"]
    return [
        f"{each.name}: not fused ({part}) for {'everybody' if len(roles) == len(Role) else ', '.join(roles)}: {reason}"
        for (part, reason), roles in found.items()
    ]
