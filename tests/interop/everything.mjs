// The session with server-everything: all it offers, and all it asks for.

import { randomBytes } from "node:crypto";
import { method, negotiated, outcome, sleep } from "./transcript.mjs";

const TEXT = "demo://resource/dynamic/text/1";
const BLOB = "demo://resource/dynamic/blob/2";
const DOCUMENT = "demo://resource/static/document/features.md";
// A name of its own: the server takes a name from one session when another uses it.
const MINE = randomBytes(16).toString("hex");

// What every tool is called with; a tool the server lists and this table does not fails the run.
const ARGUMENTS = {
  "echo": [{ message: "plain" }, { message: 'žluť 🐈 "\\" \u2028 line\nline\t\x01' }],
  "get-annotated-message": [{ messageType: "error", includeImage: true }, { messageType: "debug" }],
  "get-env": [{}],
  "get-resource-links": [{ count: 4 }],
  "get-resource-reference": [{ resourceType: "Text", resourceId: 3 }, { resourceType: "Blob", resourceId: 4 }],
  "get-roots-list": [{}],
  "get-structured-content": [{ location: "Chicago" }],
  "get-sum": [{ a: 2, b: 40 }, { a: 0.1, b: 1e21 }],
  "get-tiny-image": [{}],
  "gzip-file-as-resource": [
    { name: `${MINE}-a.gz`, data: "data:text/plain,aaaaaaaa", outputType: "resource" },
    { name: `${MINE}-b.gz`, data: "data:text/plain," + "b".repeat(100_000), outputType: "resourceLink" },
  ],
  "trigger-sampling-request": [{ prompt: "Say something", maxTokens: 20 }],
  // These have steps of their own.
  "simulate-research-query": [],
  "toggle-simulated-logging": [],
  "toggle-subscriber-updates": [],
  "trigger-elicitation-request": [],
  "trigger-elicitation-request-async": [],
  "trigger-long-running-operation": [],
  "trigger-sampling-request-async": [],
  "trigger-url-elicitation": [],
};

// For results the SDK has no schema for: takes anything.
const ANY = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };

const rootsUpdated = (message) =>
  method("notifications/message")(message) && message.params.data.includes("Roots updated");

class Everything {
  constructor(client, transcript, user) {
    Object.assign(this, { client, user, wire: transcript.wire });
    this.step = transcript.step.bind(transcript);
  }

  async run() {
    await this.step("initialize", () => this.initialize());
    await this.step("ping", () => this.client.ping());
    await this.tools();
    await this.toolSteps();
    await this.step("roots changed", () => this.rootsChanged());
    await this.step("logging", () => this.logging());
    await this.step("progress", () => this.progress());
    await this.step("cancellation", () => this.cancellation());
    await this.prompts();
    await this.resources();
    await this.completion();
    await this.tasks();
    await this.errors();
    await this.step("a large answer", () => this.call("echo", { message: "ž🐈".repeat(150_000) }));
    await this.step("fifty calls at once", () => this.fiftyAtOnce(), { sort: true });
  }

  call(name, args = {}, options) {
    return outcome(this.client.callTool({ name, arguments: args }, options));
  }

  async initialize() {
    // The server asks for the roots 350 ms after the handshake, and logs once it has them:
    // from here on it sends nothing it was not asked for.
    await this.wire.waitFor(rootsUpdated);
    return negotiated(this.client);
  }

  async tools() {
    const { tools } = await this.step("tools/list", () => this.client.listTools());
    const unknown = tools.map((tool) => tool.name).filter((name) => !(name in ARGUMENTS));
    if (unknown.length > 0) throw new Error(`no arguments for the tools ${unknown}`);
    for (const { name } of tools) {
      const options = name === "get-env" ? { hide: hideEnvironment } : {};
      for (const args of ARGUMENTS[name]) await this.step(`tool ${name}`, () => this.call(name, args), options);
    }
  }

  async toolSteps() {
    const url = { url: "https://example.org/", message: "Open it" };
    const [form, open] = ["trigger-elicitation-request", "trigger-url-elicitation"];
    for (const action of ["decline", "cancel", "accept"]) {
      this.user.action = action;
      await this.step(`tool ${form}: ${action}`, () => this.call(form));
      await this.step(`tool ${open}: ${action}`, () => this.call(open, url));
    }
    // The first call fails with -32042; the same call again goes through.
    for (const attempt of ["error", "retry"]) {
      await this.step(`tool ${open}: ${attempt}`, () => this.call(open, { ...url, errorPath: true }));
    }
  }

  async rootsChanged() {
    this.user.roots.push({ uri: "file:///tmp/two" });
    await this.client.sendRootsListChanged();
    await this.wire.waitFor(rootsUpdated);
    return this.call("get-roots-list");
  }

  async logging() {
    const { client } = this;
    const tool = "toggle-simulated-logging";
    const answers = [await client.setLoggingLevel("debug"), await this.call(tool)];
    const log = await this.wire.waitFor(method("notifications/message"));
    // One of eight messages, picked at random.
    const { level, data } = log.params;
    if (!data.toLowerCase().includes(level)) throw new Error(`not a message of the server's: ${data}`);
    log.params = { level: "LEVEL", data: "DATA" };
    answers.push(await this.call(tool), await client.setLoggingLevel("error"));
    // Below the level now: no log of this subscription may arrive.
    answers.push(await client.subscribeResource({ uri: TEXT }), await client.unsubscribeResource({ uri: TEXT }));
    answers.push(await client.setLoggingLevel("debug"));
    return answers;
  }

  async progress() {
    const reported = [];
    const options = { onprogress: (progress) => reported.push(progress) };
    const answer = await this.call("trigger-long-running-operation", { duration: 0.8, steps: 4 }, options);
    // The SDK (2.4) loses a report that it reads together with the answer, so the last one is
    // compared on the wire only.
    return [answer, reported.slice(0, 3)];
  }

  async cancellation() {
    const abort = new AbortController();
    const options = { signal: abort.signal, onprogress: () => {} };
    const call = this.call("trigger-long-running-operation", { duration: 2, steps: 4 }, options);
    const ended = call.then(() => "answered", () => "cancelled");
    const first = await this.wire.waitFor(method("notifications/progress"));
    abort.abort("enough");
    const answers = [await ended, await this.client.ping(), await this.call("echo", { message: "still here" })];
    // Longer than the operation: it must have ended without an answer. The server goes on
    // reporting progress; whether that reaches a client that no longer asks is the proxy's choice.
    await sleep(2000);
    const late = (message) => message.id === first.params.progressToken;
    if (this.wire.messages.some(late)) throw new Error("a cancelled call was answered");
    this.wire.messages = this.wire.messages.filter((m) => m === first || m.method !== first.method);
    return answers;
  }

  async prompts() {
    await this.step("prompts/list", () => this.client.listPrompts());
    for (const [name, args] of [
      ["simple-prompt"],
      ["args-prompt", { city: "Brno" }],
      ["args-prompt", { city: "Austin", state: "Texas" }],
      ["completable-prompt", { department: "Sales", name: "Eve" }],
      ["resource-prompt", { resourceType: "Text", resourceId: "5" }],
      ["resource-prompt", { resourceType: "Blob", resourceId: "6" }],
    ]) {
      await this.step(`prompt ${name}`, () => outcome(this.client.getPrompt({ name, arguments: args })));
    }
  }

  async resources() {
    await this.step("resources/list", () => this.client.listResources());
    await this.step("resources/templates/list", () => this.client.listResourceTemplates());
    for (const uri of [TEXT, BLOB, DOCUMENT, `demo://resource/session/${MINE}-b.gz`]) {
      await this.step(`resource ${uri}`, () => outcome(this.client.readResource({ uri })));
    }
    await this.step("subscription", () => this.subscription());
  }

  async subscription() {
    const { client } = this;
    const tool = "toggle-subscriber-updates";
    const answers = [];
    for (const uri of [TEXT, DOCUMENT]) answers.push(await client.subscribeResource({ uri }));
    answers.push(await client.unsubscribeResource({ uri: TEXT }), await this.call(tool));
    await this.wire.waitFor(method("notifications/resources/updated"));
    answers.push(await this.call(tool), await client.unsubscribeResource({ uri: DOCUMENT }));
    return answers;
  }

  async completion() {
    const prompt = { type: "ref/prompt", name: "completable-prompt" };
    const template = { type: "ref/resource", uri: "demo://resource/dynamic/text/{resourceId}" };
    for (const [ref, argument, context] of [
      [prompt, { name: "department", value: "" }],
      [prompt, { name: "name", value: "A" }, { arguments: { department: "Engineering" } }],
      [template, { name: "resourceId", value: "12" }],
      [template, { name: "resourceId", value: "none" }],
    ]) {
      await this.step("completion", () => outcome(this.client.complete({ ref, argument, context })));
    }
  }

  // Tasks of 2025-11-25: tools that answer later, and requests the client answers later.
  async tasks() {
    const send = (name, params) => this.client.request({ method: name, params }, ANY);
    const start = async (topic) => {
      const args = { topic, ambiguous: true };
      const params = { name: "simulate-research-query", arguments: args, task: { ttl: 60_000 } };
      return (await send("tools/call", params)).task.taskId;
    };
    await this.step("a task", async () => {
      const taskId = await start("owls");
      // Waits for the end; the elicitation arrives while it does.
      return [await send("tasks/result", { taskId }), await send("tasks/get", { taskId })];
    });
    await this.step("a cancelled task", async () => {
      const taskId = await start("cats");
      return [await send("tasks/cancel", { taskId }), await outcome(send("tasks/cancel", { taskId }))];
    });
    await this.step("tasks/list", () => send("tasks/list"));

    this.user.answersWithTasks(this.client);
    const [sample, elicit] = ["trigger-sampling-request-async", "trigger-elicitation-request-async"];
    await this.step(`tool ${sample}`, () => this.call(sample, { prompt: "Say something", maxTokens: 20 }));
    await this.step(`tool ${elicit}`, () => this.call(elicit));
    this.user.answersDirectly(this.client);
  }

  async errors() {
    const { client } = this;
    for (const [name, call] of [
      ["unknown tool", () => this.call("no-such-tool")],
      ["bad arguments", () => this.call("get-sum", { a: "one" })],
      ["no task", () => this.call("simulate-research-query", { topic: "dogs" })],
      ["unknown method", () => outcome(client.request({ method: "interop/unknown" }, ANY))],
      ["unknown prompt", () => outcome(client.getPrompt({ name: "no-such-prompt" }))],
      ["missing argument", () => outcome(client.getPrompt({ name: "args-prompt" }))],
      ["unknown resource", () => outcome(client.readResource({ uri: "demo://nowhere" }))],
      ["bad resource", () => outcome(client.readResource({ uri: "demo://resource/dynamic/text/zero" }))],
    ]) {
      await this.step(`error: ${name}`, call);
    }
  }

  async fiftyAtOnce() {
    const numbers = Array.from({ length: 50 }, (_, number) => number);
    const answers = await Promise.all(numbers.map((number) => this.call("echo", { message: `call ${number}` })));
    const refused = answers.filter((answer) => answer.error);
    if (refused.length > 0) throw new Error(`${refused.length} of fifty were refused: ${JSON.stringify(refused[0])}`);
    const texts = answers.map((answer) => answer.content[0].text);
    const wrong = texts.filter((text, number) => text !== `Echo: call ${number}`);
    if (wrong.length > 0) throw new Error(`answers went to other calls: ${wrong}`);
    return texts;
  }
}

// A proxy hands its child another environment by design: only that there is one is compared.
function hideEnvironment(line) {
  const hide = (_, value) => (typeof value === "string" && value.startsWith('{\n  "') ? "ENVIRONMENT" : value);
  return JSON.parse(JSON.stringify(line, hide));
}

export const everything = (client, transcript, user) => new Everything(client, transcript, user).run();
