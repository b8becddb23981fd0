// The suite as a server: the client fixture calls it directly, and through a proxy.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { suite, totals } from './suite.mjs';

/** What the client fixture passes directly, or a few more: some checks count the requests that it took. */
const BASELINE = { '2025-03-26': 21, '2025-06-18': 63, '2025-11-25': 259, '2026-07-28': 409 };

export async function clients({ dir, binary, stack, quick }, report) {
    const fixture = join(dir, 'fixtures/typescript/client.mjs');
    const through = join(dirname(fileURLToPath(import.meta.url)), 'through.mjs');
    const versions = quick ? ['2025-11-25', '2026-07-28'] : Object.keys(BASELINE);
    for (const version of versions) {
        const out = join(dir, 'results/client', version);
        await mkdir(join(out, 'proxies'), { recursive: true });
        const run = (name, command) => {
            const args = ['--command', [process.execPath, ...command].join(' ')];
            return suite({ dir, out: join(out, name), role: 'client', version, args });
        };
        const direct = await run('direct', [fixture]);
        report.direct({ fixture: 'client', version, ...totals(direct) }, BASELINE[version]);
        const proxied = name => run(name, [through, binary, stack, join(out, 'proxies'), fixture]);
        await report.compare({ shape: 'client', fixture: 'typescript', version }, direct, proxied, 'through');
    }
}
