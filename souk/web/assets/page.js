"use strict";

const WELCOME = `# Souk. Ctrl-Enter runs the operation; the headers below say who is asking.
# A token for a demo user: souk demo token --tenant pharos --role OPS
# Without a token you are a visitor of the tenant in "X-Souk-Tenant".

query Welcome {
  listings(first: 5, orderBy: PRICE_ASC) {
    totalCount
    nodes { title city price { amount currencyCode } vehicle { year km } dealer { name } }
  }
}
`;
const HEADERS = JSON.stringify({ "X-Souk-Tenant": "pahiyaa", Authorization: "" }, null, 2);

function given(headers) {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([, value]) => value));
}

function isSubscription(ast, name) {
  const operations = (ast?.definitions ?? []).filter((each) => each.kind === "OperationDefinition");
  const chosen = name ? operations.find((each) => each.name?.value === name) : operations[0];
  return chosen?.operation === "subscription";
}

function post(parameters, headers, accept, signal) {
  const all = { "graphql-require-preflight": "1", ...given(headers), "content-type": "application/json", accept };
  return fetch("/graphql", { method: "POST", headers: all, body: JSON.stringify(parameters), signal });
}

async function* follow(parameters, headers) {
  const abort = new AbortController();
  try {
    const response = await post(parameters, headers, "text/event-stream", abort.signal);
    if (!response.headers.get("content-type").startsWith("text/event-stream")) {
      yield await response.json();
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const lines = event.split("\n");
        if (lines.includes("event: complete")) return;
        const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
        if (data.length) yield JSON.parse(data.join("\n"));
      }
    }
  } finally {
    abort.abort();
  }
}

async function fetcher(parameters, options) {
  if (isSubscription(options?.documentAST, parameters.operationName)) return follow(parameters, options?.headers);
  const response = await post(parameters, options?.headers, "application/graphql-response+json, application/json");
  return response.json();
}

const plugins = [GraphiQLPluginExplorer.explorerPlugin()];

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    plugins,
    defaultQuery: WELCOME,
    defaultHeaders: HEADERS,
    defaultEditorToolsVisibility: "headers",
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: true,
  }),
);
