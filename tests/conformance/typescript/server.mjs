// The server that the suite's scenarios ask for, in TypeScript's SDK.
//
//     node server.mjs stdio
//     node server.mjs http PORT      PORT 0 takes any; the URL goes to stdout
import { serveStdio } from '@modelcontextprotocol/server/stdio';

import { fixture } from './fixture.mjs';
import { serveHttp } from './http.mjs';

const [transport, port] = process.argv.slice(2);
switch (transport) {
    case 'stdio':
        serveStdio(() => fixture());
        break;
    case 'http': {
        const url = await serveHttp(Number(port ?? 0));
        console.log(url);
        break;
    }
    default:
        console.error('usage: server.mjs stdio | http PORT');
        process.exitCode = 2;
}
