// A server of 2026-07-28 made with the official TypeScript SDK, for what the published servers
// lack: requests for input inside results, progress, logs, cancellation and subscriptions.
//
//     server.mjs [http]        stdio, or HTTP at /mcp of the port in PORT

import { createRequire } from "node:module";

const peers = createRequire(new URL(".peers/package.json", import.meta.url));
const { McpServer, createMcpHandler, fromJsonSchema, inputRequired } = await import(peers.resolve("@modelcontextprotocol/server"));
const { serveStdio } = await import(peers.resolve("@modelcontextprotocol/server/stdio"));
const { serve } = await import(peers.resolve("@hono/node-server"));

const text = (value) => ({ content: [{ type: "text", text: JSON.stringify(value) }] });
const schema = (properties) => fromJsonSchema({ type: "object", properties, required: Object.keys(properties) });

const QUESTIONS = {
  name: inputRequired.elicit({
    message: "Who are you?",
    requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
  }),
  thought: inputRequired.createMessage({
    messages: [{ role: "user", content: { type: "text", text: "Think" } }],
    maxTokens: 20,
  }),
  roots: inputRequired.listRoots(),
};

// Answers the second time, when the client has come back with what it was asked for.
async function ask(_, { mcpReq }) {
  if (mcpReq.inputResponses) return text([mcpReq.inputResponses, mcpReq.requestState()]);
  return inputRequired({ inputRequests: QUESTIONS, requestState: 'opaque "state" žluť \u2028 == ' });
}

async function work({ steps }, { mcpReq }) {
  const progressToken = mcpReq._meta?.progressToken;
  for (let step = 1; step <= steps; step++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (mcpReq.signal.aborted) break; // and nothing more is said about this request
    await mcpReq.log("info", { step });
    if (progressToken === undefined) continue;
    const params = { progressToken, progress: step, total: steps, message: `step ${step}` };
    await mcpReq.notify({ method: "notifications/progress", params });
  }
  return text("done");
}

const onHttp = process.argv[2] === "http";
// On HTTP each request has a server of its own: what one hides the next must know.
let hidden = false;

function build() {
  const server = new McpServer({ name: "interop", version: "1" }, { capabilities: { logging: {} } });
  server.registerTool("echo", { inputSchema: schema({ message: { type: "string" } }) }, ({ message }) => text(message));
  server.registerTool("ask", { inputSchema: schema({}) }, ask);
  server.registerTool("work", { inputSchema: schema({ steps: { type: "integer" } }) }, work);
  const extra = server.registerTool("extra", { inputSchema: schema({}) }, () => text("extra"));
  server.registerTool("hide-extra", { inputSchema: schema({}) }, () => {
    extra.disable();
    hidden = true;
    http?.notify.toolsChanged();
    return text("hidden");
  });
  if (hidden) extra.disable();
  return server;
}

const http = onHttp ? createMcpHandler(build) : undefined;
if (onHttp) serve({ fetch: (request) => http.fetch(request), port: Number(process.env.PORT) });
else serveStdio(build);
