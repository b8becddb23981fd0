// Drives a whole MCP session with the official TypeScript client and prints what it saw.
//
//     client.mjs SESSION (-- COMMAND ARGS… | streamable URL | sse URL)
//
// The steps are those of client.py, and the two tools whose answer the client gives as a task.
// SESSION is `everything`, `modern`, `time-auto` or `time-legacy`, as there.

import { createRequire } from "node:module";
import { modern, time } from "./eras.mjs";
import { everything } from "./everything.mjs";
import { Transcript, Wire } from "./transcript.mjs";

// The peers live in .peers, where an import of this file would not look.
const peers = createRequire(new URL(".peers/package.json", import.meta.url));
const { Client, SSEClientTransport, StreamableHTTPClientTransport } = await import(peers.resolve("@modelcontextprotocol/client"));
const { StdioClientTransport } = await import(peers.resolve("@modelcontextprotocol/client/stdio"));

const FORM = { name: "Ada Lovelace", check: true, email: "ada@example.org", integer: 7, number: 2.5 };

const CAPABILITIES = {
  roots: { listChanged: true },
  sampling: {},
  elicitation: { form: {}, url: {} },
  tasks: { requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
};

// The person at the client: answers what the server asks.
class User {
  action = "accept";
  roots = [{ uri: "file:///tmp/one", name: "one" }];
  #answers = new Map();

  sample = () => ({
    role: "assistant",
    content: { type: "text", text: "a fixed answer" },
    model: "none",
    stopReason: "endTurn",
  });

  elicit = ({ params }) => {
    if (this.action !== "accept" || params.mode === "url") return { action: this.action };
    const asked = params.requestedSchema.properties;
    return { action: "accept", content: "interpretation" in asked ? { interpretation: "technical" } : FORM };
  };

  answersDirectly(client) {
    client.setRequestHandler("sampling/createMessage", this.sample);
    client.setRequestHandler("elicitation/create", this.elicit);
    client.setRequestHandler("roots/list", () => ({ roots: this.roots }));
  }

  // The SDK checks what its own handlers return and knows no tasks there; this one it leaves alone.
  answersWithTasks(client) {
    client.removeRequestHandler("sampling/createMessage");
    client.removeRequestHandler("elicitation/create");
    client.fallbackRequestHandler = async (request) => this.#asTask(request);
  }

  #asTask({ method, params }) {
    const date = new Date().toISOString();
    const task = { status: "working", createdAt: date, lastUpdatedAt: date, ttl: 60_000, pollInterval: 100 };
    if (method === "tasks/get") return { ...task, taskId: params.taskId, status: "completed" };
    if (method === "tasks/result") return this.#answers.get(params.taskId);
    const answer = method === "elicitation/create" ? this.elicit({ params }) : this.sample();
    const taskId = `task-of-the-client-${this.#answers.size}`;
    this.#answers.set(taskId, answer);
    return { task: { ...task, taskId } };
  }
}

const SESSIONS = {
  "everything": [everything, "legacy"], // the SDK's default
  "modern": [modern, "auto"],
  "time-auto": [time, "auto"],
  "time-legacy": [time, "legacy"],
};

const TRANSPORTS = {
  "--": (command, ...args) => new StdioClientTransport({ command, args }),
  "streamable": (url) => new StreamableHTTPClientTransport(new URL(url)),
  "sse": (url) => new SSEClientTransport(new URL(url)),
};

const [session, transport, ...server] = process.argv.slice(2);
if (!(session in SESSIONS) || !(transport in TRANSPORTS) || server.length === 0) {
  console.error("usage: client.mjs everything|modern|time-auto|time-legacy (-- COMMAND ARGS… | streamable|sse URL)");
  process.exit(2);
}
const [drive, mode] = SESSIONS[session];
const wire = new Wire();
const user = new User();
const transcript = new Transcript(wire);
const client = new Client(
  { name: "shadowcat-interop", version: "1" },
  { capabilities: CAPABILITIES, versionNegotiation: { mode } },
);
user.answersDirectly(client);
try {
  const peer = TRANSPORTS[transport](...server);
  await client.connect(wire.tap(peer));
  await drive(client, transcript, user);
  if (peer.sessionId && mode === "legacy") await peer.terminateSession(); // DELETE
  // The timers of its tasks keep server-everything alive: as a child it has to be killed.
  await (transport === "--" && drive === everything ? client.close() : transcript.close(client));
} catch (error) {
  transcript.failed(error);
}
