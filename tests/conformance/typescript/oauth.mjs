// Authorization as a client does it, with the person left out: the suite's server agrees at once.
import {
    auth,
    computeScopeUnion,
    extractWWWAuthenticateParams,
    isStrictScopeSuperset,
    UnauthorizedError
} from '@modelcontextprotocol/client';

const CALLBACK = 'http://localhost:3000/callback';
/** Where the suite expects a client to describe itself. */
const DESCRIPTION = 'https://conformance-test.local/client-metadata.json';

/** Keeps what the SDK wants kept; of `issuer` and the like it takes care itself. */
class Provider {
    redirectUrl = CALLBACK;
    clientMetadata = { client_name: 'shadowcat-fixture', redirect_uris: [CALLBACK] };
    clientMetadataUrl = DESCRIPTION;
    #kept = {};

    constructor(client) {
        if (client) {
            this.#kept.client = client;
            this.clientMetadataUrl = undefined;
        }
    }

    clientInformation = () => this.#kept.client;
    saveClientInformation = client => void (this.#kept.client = client);
    tokens = () => this.#kept.tokens;
    saveTokens = tokens => void (this.#kept.tokens = tokens);
    discoveryState = () => this.#kept.discovery;
    saveDiscoveryState = state => void (this.#kept.discovery = state);
    codeVerifier = () => this.#kept.verifier;
    saveCodeVerifier = verifier => void (this.#kept.verifier = verifier);

    invalidateCredentials(what) {
        // The SDK's names of what it gives up are ours of what is kept.
        for (const name of what === 'all' ? Object.keys(this.#kept) : [what]) delete this.#kept[name];
    }

    async redirectToAuthorization(url) {
        const response = await fetch(url, { redirect: 'manual' });
        const { searchParams } = new URL(response.headers.get('location'));
        this.callback = { authorizationCode: searchParams.get('code'), iss: searchParams.get('iss') ?? undefined };
        if (!this.callback.authorizationCode) throw new Error('no code');
    }
}

/** Of a client that the server knows beforehand. */
export function registered({ client_id, client_secret }) {
    return client_id && new Provider({ client_id, client_secret, redirect_uris: [CALLBACK] });
}

/** A fetch that gets a token when it is asked for one, once a request. */
export function authorizing(serverUrl, provider = new Provider()) {
    const send = (input, init) => {
        const headers = new Headers(init?.headers);
        const tokens = provider.tokens();
        if (tokens) headers.set('authorization', `Bearer ${tokens.access_token}`);
        return fetch(input, { ...init, headers });
    };
    const isRefused = response => response.status === 401 || response.status === 403;
    return async (input, init) => {
        let response = await send(input, init);
        if (isRefused(response)) {
            await authorize(serverUrl, provider, response);
            response = await send(input, init);
        }
        if (isRefused(response)) throw new UnauthorizedError(`still refused: ${input}`);
        return response;
    };
}

async function authorize(serverUrl, provider, response) {
    const { resourceMetadataUrl, scope: asked } = extractWWWAuthenticateParams(response);
    const had = provider.tokens()?.scope;
    // More is asked of a token that is good otherwise: what it was for is kept. A token that is refused may mean
    // that the server has moved to another authorization server.
    const scope = response.status === 403 ? computeScopeUnion(had, asked) : asked;
    if (response.status === 401) provider.invalidateCredentials('discovery');
    const forceReauthorization = isStrictScopeSuperset(scope, had);
    const options = { serverUrl, resourceMetadataUrl, scope, fetchFn: fetch };
    let result = await auth(provider, { ...options, forceReauthorization });
    if (result === 'REDIRECT') result = await auth(provider, { ...options, ...provider.callback });
    if (result !== 'AUTHORIZED') throw new UnauthorizedError(result);
}
