// Apollo Server on Fastify, DataLoaders made anew for each request; documents by Apollo's own persisted queries.

import { ApolloServer } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled, ApolloServerPluginUsageReportingDisabled,
} from "@apollo/server/plugin/disabled";
import fastifyApollo from "@as-integrations/fastify";
import DataLoader from "dataloader";
import Fastify from "fastify";
import { documents, port, tenantOf } from "./common.mjs";
import { resolvers, typeDefs } from "./resolvers.mjs";
import { Reader } from "./sql.mjs";

class Context {
  constructor(tenant) {
    const reader = (this.reader = new Reader(tenant));
    this.dealers = new DataLoader((keys) => reader.dealers(keys));
    this.users = new DataLoader((keys) => reader.users(keys));
    this.listings = new DataLoader((keys) => reader.listings(keys));
    this.sizes = new Map();
  }

  offers(first) {
    if (!this.sizes.has(first)) this.sizes.set(first, new DataLoader((keys) => this.reader.offers(keys, first)));
    return this.sizes.get(first);
  }
}

const listing = (parent, _, context) => context.listings.load(parent.listingId);
const persisted = new Map(Object.entries(documents).map(([id, text]) => [`apq:${id.replace("sha256:", "")}`, text]));
const server = new ApolloServer({
  typeDefs,
  resolvers: {
    ...resolvers,
    Listing: {
      dealer: (parent, _, context) => context.dealers.load(parent.dealerId),
      offers: (parent, { first }, context) => context.offers(first).load(parent.rowId),
    },
    Offer: { proposerUser: (parent, _, context) => parent.userId && context.users.load(parent.userId), listing },
    Lead: { listing },
  },
  introspection: false,
  persistedQueries: { cache: { get: async (key) => persisted.get(key), set: async () => {}, delete: async () => {} }, ttl: null },
  plugins: [
    ApolloServerPluginCacheControlDisabled(),
    ApolloServerPluginUsageReportingDisabled(),
    { requestDidStart: async () => ({ willSendResponse: async ({ contextValue }) => contextValue.reader?.close() }) },
  ],
});
await server.start();
const app = Fastify({ keepAliveTimeout: 60_000 });
await app.register(fastifyApollo(server), {
  context: async (request) => new Context(tenantOf(request.headers.authorization)),
});
await app.listen({ port, host: "127.0.0.1" });
