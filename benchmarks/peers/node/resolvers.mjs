// What Mercurius and Apollo resolve alike: the roots and their pages. Relations go through each one's own loaders.

import { readFileSync } from "node:fs";
import { rowId } from "./common.mjs";
import { Page } from "./sql.mjs";

export const typeDefs = readFileSync(new URL("schema.graphql", import.meta.url), "utf8");

const connection = {
  edges: (page) => (page instanceof Page ? page.edges() : page.edges),
  totalCount: (page) => page.totalCount(),
};

export const resolvers = {
  Query: {
    listing: (_, { id }, { reader }) => reader.listing(rowId(id)),
    listings: (_, { filter, orderBy, first, after }, { reader }) =>
      new Page(reader, "listing", { status: filter?.status, order: orderBy, first, after }),
    offers: (_, { filter, first }, { reader }) => new Page(reader, "offer", { status: filter?.status, first }),
    leads: (_, { filter, first }, { reader }) => new Page(reader, "lead", { status: filter?.status, first }),
  },
  ListingConnection: { ...connection, pageInfo: (page) => page.pageInfo() },
  OfferConnection: connection,
  LeadConnection: connection,
};
