"""Who and what the rows of a price file speak of: SKUs by code, sellers by name; made where the mapping says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from ..db.session import Transaction
from ..models import Competitor, Dealer, ExternalRef, Sku, new_id
from ..resolvers.competitor import domain_of
from ..resolvers.importing import folded
from ..rules import text as texts
from ..rules.errors import Refused
from ..rules.importing import PriceMapping
from .actions import Item


@dataclass(frozen=True, slots=True)
class Seller:
    """A dealer or a competitor."""

    dealer_id: UUID | None = None
    competitor_id: UUID | None = None


async def skus_of(tx: Transaction, mapping: PriceMapping, items: Sequence[Item]) -> dict[str, UUID]:
    """The SKUs that the rows name, by code."""
    rows = {item.payload["values"]["sku"]: item.payload["values"] for item in reversed(items)}
    asked = select(Sku.code, Sku.id).where(Sku.tenant_id == tx.actor.tenant_id, Sku.code.in_(rows))
    found: dict[str, UUID] = dict((await tx.session.execute(asked)).all())
    if "SKU" in mapping.create:
        for code, values in rows.items():
            if code not in found:
                found[code] = _sku(tx, code, values)
        await tx.session.flush()
    return found


def _sku(tx: Transaction, code: str, values: dict[str, Any]) -> UUID:
    brand = values.get("brand")
    sku = tx.add(
        Sku(
            id=new_id(), code=code, name=values.get("name") or code, currency=values["currency"],
            brand=brand[:100] if brand else None,
        )
    )  # fmt: skip
    tx.emit("sku.created", sku, data={"by": "import"})
    id_: UUID = sku.id
    return id_


async def sellers_of(
    tx: Transaction, mapping: PriceMapping, source: str, items: Sequence[Item], otherwise: UUID | None
) -> dict[str | None, Seller]:
    """The sellers that the rows name, by what they are called there; None is the dealer the import is for."""
    names = {name for item in items if (name := item.payload["values"].get("seller")) is not None}
    found: dict[str | None, Seller] = {None: Seller(dealer_id=otherwise)} if otherwise else {}
    if not names:
        return found
    if mapping.seller == "COMPETITOR":
        ids = await _competitors(tx, mapping, names)
        return found | {name: Seller(competitor_id=id_) for name, id_ in ids.items()}
    ids = await _dealers(tx, mapping, source, names)
    return found | {name: Seller(dealer_id=id_) for name, id_ in ids.items()}


# What the source calls a dealer goes before the dealer's own name.
REFERRED = text("""
SELECT r.external_id, r.subject_id FROM external_ref r
WHERE r.tenant_id = :tenant AND r.source = :source AND r.type = 'DEALER' AND r.external_id = ANY (CAST(:names AS text[]))
""")
BY_NAME = {
    True: text("""
SELECT name, min(CAST(id AS text)) FROM dealer
WHERE tenant_id = :tenant AND deleted_at IS NULL AND name = ANY (CAST(:names AS text[])) GROUP BY 1
"""),
    False: text("""
SELECT lower(name), min(CAST(id AS text)) FROM dealer
WHERE tenant_id = :tenant AND deleted_at IS NULL AND lower(name) = ANY (CAST(:names AS text[])) GROUP BY 1
"""),
}


async def _dealers(tx: Transaction, mapping: PriceMapping, source: str, names: Iterable[str]) -> dict[str, UUID]:
    """By the name in the file, told apart by case only where the mapping says so."""
    called = {name: name if mapping.apart else folded(name) for name in names}
    values: dict[str, Any] = {"tenant": tx.actor.tenant_id, "source": source, "names": sorted(set(called.values()))}
    known: dict[str, UUID] = dict((await tx.session.execute(REFERRED, values)).all())
    values["names"] = sorted({name for name in called.values() if name not in known})
    if values["names"]:
        for name, id_ in (await tx.session.execute(BY_NAME[mapping.apart], values)).all():
            known[name] = UUID(id_)
    if "SELLER" in mapping.create:
        fresh: dict[str, str] = {}
        for name, key in called.items():
            if key not in known:
                fresh.setdefault(key, name)
        await _make_dealers(tx, source, fresh, known)
    return {name: known[key] for name, key in called.items() if key in known}


async def _make_dealers(tx: Transaction, source: str, fresh: dict[str, str], known: dict[str, UUID]) -> None:
    refs = []
    for key, name in fresh.items():
        dealer = tx.add(
            Dealer(
                id=new_id(), kind="DEALERSHIP", name=name, verification="UNVERIFIED", standing="GOOD", notice=0,
                authorised=False,
            )
        )  # fmt: skip
        tx.emit("dealer.created", dealer, data={"by": "import"})
        known[key] = dealer.id
        refs.append(
            {"tenant_id": tx.actor.tenant_id, "id": new_id(), "created_at": tx.now, "source": source, "type": "DEALER",
             "external_id": key, "subject_id": dealer.id}
        )  # fmt: skip
    await tx.session.flush()
    if refs:
        await tx.session.execute(insert(ExternalRef), refs)


async def _competitors(tx: Transaction, mapping: PriceMapping, names: Iterable[str]) -> dict[str, UUID]:
    """By the domain of its shop, or the one that stands for a name that is none."""
    domains = {name: domain_for(name) for name in names}
    asked = select(Competitor.domain, Competitor.id).where(
        Competitor.tenant_id == tx.actor.tenant_id, Competitor.domain.in_(set(domains.values()))
    )
    known: dict[str, UUID] = dict((await tx.session.execute(asked)).all())
    if "SELLER" in mapping.create:
        for name, domain in domains.items():
            if domain not in known:
                competitor = tx.add(Competitor(id=new_id(), name=name, domain=domain))
                tx.emit("competitor.created", competitor, data={"by": "import"})
                known[domain] = competitor.id
        await tx.session.flush()
    return {name: known[domain] for name, domain in domains.items() if domain in known}


def domain_for(name: str) -> str:
    """The domain name that a competitor is known by: its own, or one below `.invalid` made of its name.

    RFC 2606 keeps `.invalid` free of real ones. A name with nothing of ASCII in it has its hash there.
    """
    try:
        return domain_of(name)
    except Refused:
        words = texts.slug(name)[:50].strip("-")
        return f"{words or sha256(folded(name).encode()).hexdigest()[:16]}.invalid"
