// One call of `echo` with the official TypeScript client, which gives up after a second of silence:
//
//     holding.mjs URL MESSAGE        prints what it got as JSON: {"text": …, "reports": N} or {"error": …}

import { createRequire } from "node:module";

const peers = createRequire(new URL(".peers/package.json", import.meta.url));
const { Client, StreamableHTTPClientTransport } = await import(peers.resolve("@modelcontextprotocol/client"));

const [url, message] = process.argv.slice(2);
const client = new Client({ name: "shadowcat-interop", version: "1" });
const transport = new StreamableHTTPClientTransport(new URL(url));
await client.connect(transport);
let reports = 0;
try {
  const call = { name: "echo", arguments: { message } };
  const options = { timeout: 1000, resetTimeoutOnProgress: true, onprogress: () => (reports += 1) };
  const { content } = await client.callTool(call, options);
  console.log(JSON.stringify({ text: content[0].text, reports }));
} catch (error) {
  console.log(JSON.stringify({ error: `${error}`, reports }));
}
// What it said when it gave up may still be on its way.
await client.ping();
await transport.terminateSession();
await client.close();
