"""The three documents as Souk is asked them. Other servers are asked the same fields in their own spelling."""

import hashlib
from typing import NamedTuple

POINT = """\
query Point($id: ID!) {
  listing(id: $id) {
    id
    title
    price { amount currencyCode }
    status
    city
    createdAt
    dealer { id name city }
    offers(first: 3) {
      edges { node { id amount { amount } status createdAt proposerUser { name } } }
    }
  }
}
"""
PAGE = """\
query Page($after: String) {
  listings(filter: { status: [ACTIVE] }, first: 50, after: $after) {
    edges {
      cursor
      node {
        id
        title
        price { amount currencyCode }
        status
        city
        createdAt
        dealer { name city }
        offers(first: 5) {
          edges { node { id amount { amount } status proposerUser { name } } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
DASHBOARD = """\
query Dashboard {
  paused: listings(filter: { status: [PAUSED] }) { totalCount }
  open: offers(filter: { status: [PENDING] }) { totalCount }
  fresh: leads(filter: { status: [NEW] }) { totalCount }
  dearest: listings(filter: { status: [ACTIVE] }, orderBy: PRICE_DESC, first: 10) {
    edges { node { id title price { amount } dealer { name } } }
  }
  latest: offers(first: 10) {
    edges { node { id amount { amount } status createdAt proposerUser { name } listing { id title } } }
  }
  asked: leads(first: 10) {
    edges { node { id status source createdAt listing { id title } } }
  }
}
"""
DOCUMENTS = {"point": POINT, "page": PAGE, "dashboard": DASHBOARD}

# The same in the words of PostGraphile's own schema: its conditions and orders, its cursors.
POSTGRAPHILE = {
    "point": """\
query Point($id: ID!) {
  listing(id: $id) {
    id: gid
    title
    price { amount currencyCode }
    status
    city
    createdAt
    dealer { id: gid name city }
    offers(first: 3, orderBy: [CREATED_DESC, ROW_ID_DESC]) {
      edges { node { id: gid amount { amount } status createdAt proposerUser { name } } }
    }
  }
}
""",
    "page": """\
query Page($after: Cursor) {
  listings: allListings(
    condition: { status: "ACTIVE" }, orderBy: [CREATED_DESC, ROW_ID_DESC], first: 50, after: $after
  ) {
    edges {
      cursor
      node {
        id: gid
        title
        price { amount currencyCode }
        status
        city
        createdAt
        dealer { name city }
        offers(first: 5, orderBy: [CREATED_DESC, ROW_ID_DESC]) {
          edges { node { id: gid amount { amount } status proposerUser { name } } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    "dashboard": """\
query Dashboard {
  paused: allListings(condition: { status: "PAUSED" }) { totalCount }
  open: allOffers(condition: { status: "PENDING" }) { totalCount }
  fresh: allLeads(condition: { status: "NEW" }) { totalCount }
  dearest: allListings(condition: { status: "ACTIVE" }, orderBy: [PRICE_ORDER_DESC, ROW_ID_DESC], first: 10) {
    edges { node { id: gid title price { amount } dealer { name } } }
  }
  latest: allOffers(orderBy: [CREATED_DESC, ROW_ID_DESC], first: 10) {
    edges { node { id: gid amount { amount } status createdAt proposerUser { name } listing { id: gid title } } }
  }
  asked: allLeads(orderBy: [CREATED_DESC, ROW_ID_DESC], first: 10) {
    edges { node { id: gid status source createdAt listing { id: gid title } } }
  }
}
""",
}


class Request(NamedTuple):
    """One body and the token that it is sent with."""

    token: str
    variables: dict[str, str]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
