// PostGraphile 5 over the views: its own connections, conditions and orders; four fields are mapped to Souk's shape.

import { createServer } from "node:http";
import persisted from "@grafserv/persisted";
import { context, inhibitOnNull, lambda, object } from "postgraphile/grafast";
import { grafserv } from "postgraphile/grafserv/node";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { postgraphile } from "postgraphile";
import { extendSchema, gql, wrapPlans } from "postgraphile/utils";
import { TYPES } from "postgraphile/@dataplan/pg";
import { documents, options, POOL, port, rls, rowId, tenantOf, url } from "./common.mjs";

const shape = extendSchema((build) => {
  const { listing } = build.input.pgRegistry.pgResources;
  return {
    typeDefs: gql`
      type Money { amount: String! currencyCode: String }
      extend type Listing { price: Money }
      extend type Query { listing(id: ID!): Listing }
      extend type Offer { amount: Money! }
    `,
    objects: {
      Query: {
        plans: {
          listing(_, { $id }) {
            return listing.find({ tenant_id: context().get("tenant"), id: lambda($id, rowId, true) }).single();
          },
        },
      },
      Listing: {
        plans: {
          price($listing) {
            return object({ amount: inhibitOnNull($listing.get("price_amount")), currencyCode: $listing.get("currency") });
          },
        },
      },
      Offer: { plans: { amount: ($offer) => object({ amount: $offer.get("amount_text") }) } },
    },
  };
});

// Without row-level security each root list names the tenant; what hangs below is joined by tenant and id.
const tenanted = wrapPlans((build) => {
  const { sql } = build;
  const own = (plan) => {
    const $connection = plan();
    const $rows = $connection.getSubplan();
    $rows.where(sql`${$rows.alias}.tenant_id = ${$rows.placeholder(context().get("tenant"), TYPES.uuid)}`);
    return $connection;
  };
  return { Query: { allListings: own, allOffers: own, allLeads: own } };
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [persisted.default ?? persisted, shape, ...(rls ? [] : [tenanted])],
  disablePlugins: ["NodePlugin", "MutationPlugin", "SubscriptionPlugin"],
  pgServices: [makePgService({ connectionString: url, schemas: ["peer"], poolConfig: { max: POOL, options } })],
  grafserv: { port, graphqlPath: "/graphql", persistedOperations: documents, graphiql: false, watch: false },
  grafast: {
    explain: false,
    context(request) {
      const tenant = tenantOf(request.node.req.headers.authorization);
      return rls ? { tenant, pgSettings: { "souk.tenant_id": tenant } } : { tenant };
    },
  },
};

if (process.argv.includes("--schema")) {
  const { printSchema } = await import("graphql");
  const instance = postgraphile(preset);
  console.log(printSchema(await instance.getSchema()));
  process.exit(0);
}
const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.keepAliveTimeout = 60_000;
server.listen(port, "127.0.0.1");
