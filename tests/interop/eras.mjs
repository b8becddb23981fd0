// Sessions with servers that speak 2026-07-28: what it adds, and the same calls in both eras.

import { method, negotiated, outcome, sleep } from "./transcript.mjs";

class Modern {
  constructor(client, transcript) {
    Object.assign(this, { client, wire: transcript.wire });
    this.step = transcript.step.bind(transcript);
  }

  async run() {
    const { client } = this;
    await this.step("connect", async () => negotiated(client));
    await this.step("tools/list", () => client.listTools());
    await this.step("echo", () => this.call("echo", { message: "žluť 🐈 \u2028" }));
    await this.step("input required", () => this.call("ask"));
    await this.step("progress and logs", () => this.progress());
    await this.step("cancellation", () => this.cancellation());
    await this.step("subscription", () => this.subscription());
    await this.step("unknown tool", () => this.call("no-such-tool"));
    await this.step("bad arguments", () => this.call("work", { steps: "two" }));
  }

  call(name, args = {}, options) {
    const _meta = { "io.modelcontextprotocol/logLevel": "info" };
    return outcome(this.client.callTool({ name, arguments: args, _meta }, options));
  }

  async progress() {
    const reported = [];
    const answer = await this.call("work", { steps: 3 }, { onprogress: (progress) => reported.push(progress) });
    return [answer, reported.slice(0, 2)]; // as in Everything.progress
  }

  async cancellation() {
    const abort = new AbortController();
    const call = this.call("work", { steps: 20 }, { signal: abort.signal });
    const ended = call.then(() => "answered", () => "cancelled");
    const first = await this.wire.waitFor(method("notifications/message"));
    abort.abort("enough");
    const answers = [await ended, await this.call("echo", { message: "still here" })];
    // Longer than the step in hand: nothing about the cancelled call may come after the answer.
    const seen = this.wire.messages.length;
    await sleep(600);
    const late = this.wire.messages.slice(seen);
    if (late.length > 0) throw new Error(`after the cancellation: ${JSON.stringify(late)}`);
    this.wire.messages = this.wire.messages.filter((m) => m === first || !m.method);
    return answers;
  }

  async subscription() {
    const changes = await this.client.listen({ toolsListChanged: true, promptsListChanged: true });
    const answer = await this.call("hide-extra");
    await this.wire.waitFor(method("notifications/tools/list_changed"));
    const { tools } = await this.client.listTools();
    await changes.close();
    return [changes.honoredFilter, answer, tools];
  }
}

export const modern = (client, transcript) => new Modern(client, transcript).run();

export async function time(client, transcript) {
  const call = (name, args = {}) => () => outcome(client.callTool({ name, arguments: args }));
  const convert = { source_timezone: "UTC", time: "12:30", target_timezone: "Asia/Kathmandu" };
  await transcript.step("connect", async () => negotiated(client));
  await transcript.step("tools/list", () => client.listTools());
  await transcript.step("now", call("get_current_time", { timezone: "Asia/Tokyo" }));
  await transcript.step("convert", call("convert_time", convert));
  await transcript.step("bad zone", call("get_current_time", { timezone: "Mars/Olympus" }));
  await transcript.step("bad arguments", call("convert_time", { time: 5 }));
  await transcript.step("unknown tool", call("no_such_tool"));
}
