// A certified authorization server on loopback for the tests. It prints its URLs as one line of JSON, then executes the commands on
// standard input and prints one line of JSON for each.
// usage: node server.mjs [port]; commands: rotate | withdraw | app URL | quit; ISSUER_KEYS_FILE keeps the keys across a restart.
// It also has a login page for the app at APP_URL, http://localhost:3000 by default: the client `web`, with WEB_CLIENT_SECRET.
import { generateKeyPair, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { interact, loggedOutPage, logoutPage } from './pages.mjs';

// Standard output carries only replies. The warning about the runtime is harmless: Node 20.19 has all that this server uses.
console.log = console.info = console.error;
console.warn = (line, ...rest) => String(line).includes('Unsupported runtime') || console.error(line, ...rest);
const { Provider, errors } = await import('oidc-provider');

const generate = promisify(generateKeyPair);
const AUDIENCE = 'https://api.example.com';
const SCOPE = 'read:valuations write:valuations';
const CLIENT = { id: 'portcullis-tests', secret: randomBytes(32).toString('base64url') };
const WEB_SECRET = process.env.WEB_CLIENT_SECRET ?? randomBytes(32).toString('base64url');
const COOKIE_KEYS = [randomBytes(32).toString('base64url')];
let app = process.env.APP_URL ?? 'http://localhost:3000';
// The resource servers, which ask about opaque tokens. The secret needs encoding in a header (RFC 6749 §2.3.1).
const SECRET = `${randomBytes(24).toString('base64url')}: %+&=/`;
const KEY_TYPES = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
  // The fully specified name of the same algorithm (RFC 9864).
  Ed25519: ['ed25519', {}],
};
const RESOURCES = Object.fromEntries(Object.keys(KEY_TYPES).map((alg) => [`urn:portcullis:${alg.toLowerCase()}`, alg]));
const OPAQUE = 'urn:portcullis:opaque';

// One signing key per algorithm.
async function generateKeys() {
  return Promise.all(Object.entries(KEY_TYPES).map(async ([alg, [type, options]]) => {
    const { privateKey } = await generate(type, options);
    const kid = `${alg.toLowerCase()}-${randomBytes(6).toString('hex')}`;
    return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
  }));
}

const file = process.env.ISSUER_KEYS_FILE;
// The current keys first, then the previous ones if they are still published.
let generations = file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).generations : [await generateKeys()];

function store() {
  if (!file) return;
  writeFileSync(`${file}.new`, JSON.stringify({ generations }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

// Keeps opaque tokens until the process ends, across a change of the keys. JWT access tokens are not stored.
const entries = new Map();

class Storage {
  constructor(kind) {
    this.key = (id) => `${kind} ${id}`;
  }
  async find(id) {
    return entries.get(this.key(id));
  }
  async findByUid(uid) {
    return [...entries.values()].find((entry) => entry.kind === 'Session' && entry.uid === uid);
  }
  async findByUserCode() {}
  async upsert(id, payload) {
    entries.set(this.key(id), payload);
  }
  async consume(id) {
    entries.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    entries.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const [key, entry] of entries) if (entry.grantId === grantId) entries.delete(key);
  }
}

// The keys with which a resource server authenticates by `private_key_jwt`, each for a client of its own.
const clientKeys = {};
for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
  const [type, options] = KEY_TYPES[alg.replace('PS', 'RS')];
  const { privateKey, publicKey } = await generate(type, options);
  clientKeys[alg] = {
    private: { ...privateKey.export({ format: 'jwk' }), kid: 'k1', alg },
    public: { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg, use: 'sig' },
  };
}

// Resource servers request no tokens, so they have no grant types.
const resourceServer = (client_id, method, more) => ({
  client_id,
  token_endpoint_auth_method: method,
  grant_types: [],
  redirect_uris: [],
  response_types: [],
  ...more,
});

const RESOURCE_SERVERS = [
  resourceServer('api:basic', 'client_secret_basic', { client_secret: SECRET }),
  resourceServer('api-post', 'client_secret_post', { client_secret: SECRET }),
  ...Object.entries(clientKeys).map(([alg, key]) => resourceServer(`api-${alg.toLowerCase()}`, 'private_key_jwt', {
    token_endpoint_auth_signing_alg: alg,
    jwks: { keys: [key.public] },
  })),
  // Responses to these are signed (RFC 9701).
  ...['RS256', 'ES256', 'EdDSA'].map((alg) => resourceServer(`api-signed-${alg.toLowerCase()}`, 'client_secret_basic', {
    client_secret: SECRET,
    introspection_signed_response_alg: alg,
  })),
];

// The app in which users log in. Its back channel is not called at `localhost`, which may be an IPv6 address.
const web = () => ({
  client_id: 'web',
  client_secret: WEB_SECRET,
  redirect_uris: [`${app}/callback`],
  post_logout_redirect_uris: [`${app}/signed-out`],
  backchannel_logout_uri: `${app.replace('//localhost', '//127.0.0.1')}/backchannel-logout`,
  backchannel_logout_session_required: true,
  require_auth_time: true,
  scope: 'openid',
});

// Grants what the app requests, without a page that asks the user.
async function grant({ oidc }) {
  const { clientId } = oidc.client;
  const known = oidc.session.grantIdFor(clientId);
  if (known) return oidc.provider.Grant.find(known);
  const created = new oidc.provider.Grant({ clientId, accountId: oidc.session.accountId });
  created.addOIDCScope('openid');
  await created.save();
  return created;
}

function provider(issuer) {
  return new Provider(issuer, {
    adapter: Storage,
    clients: [{
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      scope: SCOPE,
    }, web(), ...RESOURCE_SERVERS],
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    cookies: { keys: COOKIE_KEYS },
    // By default, it calls no app on loopback.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    loadExistingGrant: grant,
    features: {
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
      rpInitiatedLogout: { logoutSource: logoutPage, postLogoutSuccessSource: loggedOutPage },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_, resource) {
          if (resource === OPAQUE) return { audience: AUDIENCE, scope: SCOPE, accessTokenFormat: 'opaque' };
          const alg = RESOURCES[resource];
          if (!alg) throw new errors.InvalidTarget();
          return { audience: AUDIENCE, scope: SCOPE, accessTokenFormat: 'jwt', jwt: { sign: { alg, kid: kids()[alg] } } };
        },
      },
    },
    // The access tokens of a login name its session, as those of many providers do.
    extraTokenClaims: (_, { sid }) => (sid ? { sid } : undefined),
    enabledJWA: {
      clientAuthSigningAlgValues: Object.keys(clientKeys),
      idTokenSigningAlgValues: Object.keys(KEY_TYPES),
      introspectionSigningAlgValues: Object.keys(KEY_TYPES),
    },
    jwks: { keys: generations.flat() },
    scopes: ['openid', ...SCOPE.split(' ')],
    // Longer than any test takes.
    ttl: { AuthorizationCode: 600, ClientCredentials: 3600, Grant: 3600, IdToken: 3600, Interaction: 3600, Session: 3600 },
  });
}

const kids = () => Object.fromEntries(generations[0].map(({ alg, kid }) => [alg, kid]));
const reply = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

let handle;
const server = createServer((request, response) => handle(request, response));
server.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const applyKeys = () => {
    store();
    const current = provider(issuer);
    current.on('backchannel.error', (_, error) => console.error(error.message));
    const callback = current.callback();
    handle = (request, response) => {
      const isPage = request.url.startsWith('/interaction/');
      return isPage ? interact(current, request, response) : callback(request, response);
    };
  };
  applyKeys();
  reply({
    issuer,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/token/introspection`,
    revocation_endpoint: `${issuer}/token/revocation`,
    client_id: CLIENT.id,
    client_secret: CLIENT.secret,
    resource_server_secret: SECRET,
    web_client_secret: WEB_SECRET,
    client_keys: Object.fromEntries(Object.entries(clientKeys).map(([alg, key]) => [alg, key.private])),
  });

  for await (const line of createInterface({ input: process.stdin })) {
    const command = line.trim();
    if (command === 'quit') {
      reply({ done: command });
      break;
    } else if (command === 'rotate') {
      generations = [await generateKeys(), generations[0]];
    } else if (command === 'withdraw') {
      generations = [generations[0]];
    } else if (command.startsWith('app ')) {
      app = command.slice(4);
    } else {
      reply({ error: `unknown command: ${command}` });
      continue;
    }
    applyKeys();
    reply({ done: command, signing: kids(), published: generations.flat().map(({ kid }) => kid) });
  }
  process.exit(0);
});
