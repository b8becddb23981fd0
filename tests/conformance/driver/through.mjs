// A client's command for the suite, with a proxy of its own: scenarios run at once, each with another server.
//
//     through.mjs PROXY STACK LOGS CLIENT URL
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { proxy } from './process.mjs';

const [binary, stack, logs, client, url] = process.argv.slice(2);
const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
// Whoever authorizes itself must take the proxy for the server.
const transparent = scenario.startsWith('auth/') ? ['--transparent'] : [];
const log = join(logs, `${scenario.replaceAll('/', '-')}.log`);
const running = await proxy(binary, stack, ['--upstream', url, ...transparent], log);
const child = spawn(process.execPath, [client, running.at], { stdio: 'inherit' });
const [status] = await once(child, 'exit');
await running.stop();
process.exit(status ?? 1);
