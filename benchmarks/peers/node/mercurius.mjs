// Mercurius on Fastify: compiled by graphql-jit from the first request on, relations by its loaders.

import Fastify from "fastify";
import mercurius from "mercurius";
import { documents, port, tenantOf } from "./common.mjs";
import { resolvers, typeDefs } from "./resolvers.mjs";
import { Reader } from "./sql.mjs";

// Its cache would serialise each parent for a key; the statements drop duplicates themselves.
const opts = { cache: false };
const loader = (load) => ({ loader: load, opts });
const offers = loader((queries, { reader }) => {
  const sizes = [...new Set(queries.map(({ params }) => params.first))];
  if (sizes.length === 1) return reader.offers(queries.map(({ obj }) => obj.rowId), sizes[0]);
  return Promise.all(queries.map(async ({ obj, params }) => (await reader.offers([obj.rowId], params.first))[0]));
});
const listing = loader((queries, { reader }) => reader.listings(queries.map(({ obj }) => obj.listingId)));

const app = Fastify({ keepAliveTimeout: 60_000 });
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  loaders: {
    Listing: { dealer: loader((queries, { reader }) => reader.dealers(queries.map(({ obj }) => obj.dealerId))), offers },
    Offer: { proposerUser: loader((queries, { reader }) => reader.users(queries.map(({ obj }) => obj.userId))), listing },
    Lead: { listing },
  },
  context: (request) => ({ reader: new Reader(tenantOf(request.headers.authorization)) }),
  jit: 1,
  graphiql: false,
  persistedQueryProvider: {
    isPersistedQuery: () => true,
    getHash: (request) => request.documentId,
    getQueryFromHash: async (hash) => documents[hash],
  },
});
await app.ready();
app.graphql.addHook("onResolution", async (_, { reader }) => reader.close());
await app.listen({ port, host: "127.0.0.1" });
