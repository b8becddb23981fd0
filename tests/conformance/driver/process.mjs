// The servers and the proxy, as processes that say where they listen.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';

const READY = 30_000;

/** A port that nothing listens on. */
export async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

/** A process that is ready when it says `ready`; what it says goes to a log. */
export class Running {
    static async start(command, log, ready) {
        const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
        const running = new Running(child);
        const out = createWriteStream(log);
        try {
            running.said = await new Promise((resolve, reject) => {
                let text = '';
                const heard = chunk => {
                    out.write(chunk);
                    text += text.length < 1 << 16 ? chunk : '';
                    const match = text.match(ready);
                    if (match) resolve(match);
                };
                child.stdout.on('data', heard);
                child.stderr.on('data', heard);
                child.on('error', reject);
                child.on('exit', status => reject(new Error(`${command[0]} ended with ${status}: see ${log}`)));
                setTimeout(() => reject(new Error(`${command.join(' ')} is not ready: see ${log}`)), READY).unref();
            });
        } catch (error) {
            await running.stop();
            throw error;
        }
        return running;
    }

    constructor(child) {
        this.child = child;
        this.ended = once(child, 'close').catch(() => {});
    }

    async stop() {
        this.child.kill('SIGTERM');
        const late = setTimeout(() => this.child.kill('SIGKILL'), 5000);
        await this.ended;
        clearTimeout(late);
    }
}

const LISTENS = /listening on (http:\/\/127\.0\.0\.1:(\d+)\/mcp)/;

/** The proxy in front of what `upstream` says, on a port that it takes itself. */
export async function proxy(binary, stack, upstream, log) {
    const running = await Running.start([binary, '--listen', '127.0.0.1:0', '--stack', stack, ...upstream], log, LISTENS);
    // The suite as a client wants another name than the proxy says.
    [running.at, running.url] = [running.said[1], `http://localhost:${running.said[2]}/mcp`];
    return running;
}
