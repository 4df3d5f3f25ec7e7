"""The words a schema is declared with, in one place."""

from ..context import Info
from .fields import (
    column,
    computed,
    documents,
    either,
    embedded,
    reference,
    sealed,
    to_list,
    to_many,
    to_one,
    totals,
    value,
    variants,
)
from .guards import Gate, Guard, own
from .money import Money, money
from .notes import By
from .roots import many, mutation, node_by_id, nodes_by_ids, one, payload_node, query, some, stream, subscription
from .views import Connection, Edge, Node, PageInfo, View, view

__all__ = [
    "By", "Connection", "Edge", "Gate", "Guard", "Info", "Money", "Node", "PageInfo", "View", "column", "computed", "documents", "either",
    "embedded", "many", "money", "mutation", "node_by_id", "nodes_by_ids", "one", "own", "payload_node", "query", "reference",
    "sealed", "some", "stream", "subscription", "to_list", "to_many", "to_one", "totals", "value", "variants", "view",
]  # fmt: skip
