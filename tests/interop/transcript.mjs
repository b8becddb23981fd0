// What client.mjs is built on: steps, the tap on the wire, and what is normalised.
// The same rules as in transcript.py.

import { createHash } from "node:crypto";

const STEP_MS = 20_000;
const SESSION_MS = 60_000;
// How long the SDK lets a server end by itself before it kills it.
const GRACE_MS = 2000;

// Text that is different in every run. Everything else is compared as it came.
const CHANGING = [
  // server-everything stamps its dynamic resources with the wall clock
  [/created at [^\n]*/g, "created at TIME"],
  // ids of tasks, and ids of elicitations the server makes up
  [/\b[0-9a-f]{32}\b/g, "TASK"],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "UUID"],
  // createdAt, lastUpdatedAt, and the answers of mcp-server-time
  [/\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b/g, "DAY"],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?/g, "DATE"],
];
// A text longer than this is compared by its hash, to keep a transcript readable.
const LONG = 4000;

// With its members in order, so that two transcripts can be compared as text.
function normalise(value) {
  if (typeof value === "string") {
    for (const [pattern, name] of CHANGING) value = value.replace(pattern, name);
    if (value.length <= LONG) return value;
    return { chars: value.length, sha256: createHash("sha256").update(value).digest("hex") };
  }
  if (Array.isArray(value)) return value.map(normalise);
  if (value === null || typeof value !== "object") return value;
  // the base64 form of a resource stamped with the wall clock
  const text = typeof value.blob === "string" ? Buffer.from(value.blob, "base64").toString() : "";
  if (text.includes("created at")) value = { ...value, blob: "base64:" + text };
  const names = Object.keys(value).filter((name) => value[name] !== undefined).sort();
  return Object.fromEntries(names.map((name) => [name, normalise(value[name])]));
}

// A message without what a proxy may choose for itself: the ids of requests the server makes.
function comparable({ jsonrpc, ...message }) {
  if (message.method) delete message.id;
  return message;
}

/** Every message the server sent, in order: what an SDK makes of an answer is not all of it. */
export class Wire {
  messages = [];
  #waiting = new Set();

  tap(transport) {
    let deliver;
    Object.defineProperty(transport, "onmessage", {
      get: () => deliver && ((message, extra) => (this.#saw(message), deliver(message, extra))),
      set: (handler) => (deliver = handler),
    });
    return transport;
  }

  #saw(message) {
    this.messages.push(message);
    for (const look of this.#waiting) look(message);
  }

  /** The first message of this step that `accept` takes. */
  waitFor(accept) {
    const found = this.messages.find(accept);
    if (found) return found;
    return new Promise((resolve) => {
      const look = (message) => accept(message) && (this.#waiting.delete(look), resolve(message));
      this.#waiting.add(look);
    });
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const method = (name) => (message) => message.method === name;

/** What a client knows of a server once it is connected. */
export const negotiated = (client) => ({
  protocol: client.getNegotiatedProtocolVersion(),
  server: client.getServerVersion(),
  capabilities: client.getServerCapabilities(),
  instructions: client.getInstructions(),
});

/** An answer, or the protocol error that came in its place. */
export async function outcome(call) {
  try {
    return await call;
  } catch (error) {
    if (!Number.isInteger(error.code)) throw error;
    return { error: { code: error.code, message: error.message, data: error.data } };
  }
}

export class Transcript {
  #name = "start";

  constructor(wire) {
    this.wire = wire;
    const hung = () => this.failed(new Error(`the session took more than ${SESSION_MS} ms`));
    setTimeout(hung, SESSION_MS).unref();
  }

  failed(error) {
    console.error(`FAILED at step '${this.#name}': ${error.stack}`);
    process.exit(1);
  }

  // Runs one step and prints its answer beside the messages that arrived meanwhile.
  // `sort` is for calls made at once, whose answers may come in any order; `hide` replaces
  // what cannot be compared, in the answer and in the messages alike.
  async step(name, run, { sort = false, hide = (line) => line } = {}) {
    this.#name = name;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no end after ${STEP_MS} ms`)), STEP_MS);
    });
    const answer = await Promise.race([run(), late]);
    clearTimeout(timer);
    const messages = this.wire.messages.map(comparable);
    this.wire.messages = [];
    if (sort) messages.sort((one, other) => one.id - other.id);
    console.log(JSON.stringify(hide(normalise({ step: name, answer, messages }))));
    return answer;
  }
  async close(client) {
    this.#name = "close";
    const since = performance.now();
    await client.close();
    if (performance.now() - since >= GRACE_MS) throw new Error("the server did not end when its input did");
    console.log(JSON.stringify({ answer: "ended by itself", step: "close" }));
  }
}
