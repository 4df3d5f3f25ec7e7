"""The one schema: every domain's roots, joined."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from ..engine.check import check_schema
from ..engine.declare import Node, node_by_id, nodes_by_ids
from ..engine.scalars import SCALARS
from . import batch, errors
from .access import AccessQueries
from .alert import AlertMutations, AlertQueries
from .audit import AuditQueries
from .batch import BatchMutations, BatchQueries, BatchSubscriptions
from .category import CategoryQueries
from .competitor import CompetitorMutations, CompetitorQueries
from .dashboard import DashboardQueries
from .deal import DealQueries
from .dealer import DealerMutations, DealerQueries
from .document import DocumentMutations, DocumentQueries
from .event import EventQueries, EventSubscriptions
from .flag import FlagMutations, FlagQueries
from .impersonation import ImpersonationMutations
from .lead import LeadMutations, LeadQueries
from .listing import ListingMutations, ListingQueries
from .mfa import MfaMutations
from .note import NoteMutations
from .offer import OfferMutations, OfferQueries
from .password import PasswordMutations
from .policy import PricePolicyMutations, PricePolicyQueries
from .report import ReportQueries
from .search import SearchQueries
from .service_token import ServiceTokenMutations, ServiceTokenQueries
from .session import SessionMutations
from .settings import SettingsMutations, SettingsQueries
from .sku import SkuMutations, SkuQueries
from .task import TaskMutations, TaskQueries
from .team import TeamMutations, TeamQueries
from .ticket import TicketMutations, TicketQueries
from .user import UserMutations, UserQueries
from .viewer import ViewerQueries


@strawberry.type(description="What can be asked for.")
class Query(
    AccessQueries,
    AlertQueries,
    AuditQueries,
    BatchQueries,
    CategoryQueries,
    CompetitorQueries,
    DashboardQueries,
    DealQueries,
    DealerQueries,
    DocumentQueries,
    EventQueries,
    FlagQueries,
    LeadQueries,
    ListingQueries,
    OfferQueries,
    PricePolicyQueries,
    ReportQueries,
    SearchQueries,
    ServiceTokenQueries,
    SettingsQueries,
    SkuQueries,
    TaskQueries,
    TeamQueries,
    TicketQueries,
    UserQueries,
    ViewerQueries,
):
    node: Node | None = node_by_id()
    nodes: list[Node | None] | None = nodes_by_ids()


@strawberry.type(description="What can be changed; fields run one after the other, each in a transaction of its own.")
class Mutation(
    AlertMutations,
    BatchMutations,
    CompetitorMutations,
    DealerMutations,
    DocumentMutations,
    ImpersonationMutations,
    FlagMutations,
    LeadMutations,
    ListingMutations,
    MfaMutations,
    NoteMutations,
    OfferMutations,
    PasswordMutations,
    PricePolicyMutations,
    ServiceTokenMutations,
    SessionMutations,
    SettingsMutations,
    SkuMutations,
    TaskMutations,
    TeamMutations,
    TicketMutations,
    UserMutations,
):
    pass


@strawberry.type(description="What can be followed.")
class Subscription(
    BatchSubscriptions,
    EventSubscriptions,
):
    pass


schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[*errors.TYPES, *batch.EVENT_TYPES],
    config=StrawberryConfig(scalar_map=SCALARS),
)
check_schema(schema)
