// A certified authorization server on loopback for the tests. It prints its URLs as one line of JSON, then executes the commands on
// standard input and prints one line of JSON for each.
// usage: node server.mjs [port]; commands: rotate | withdraw | quit; ISSUER_KEYS_FILE keeps the keys across a restart.
import { generateKeyPair, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

// Standard output carries only replies. The warning about the runtime is harmless: Node 20.19 has all that this server uses.
console.log = console.info = console.error;
console.warn = (line, ...rest) => String(line).includes('Unsupported runtime') || console.error(line, ...rest);
const { Provider, errors } = await import('oidc-provider');

const generate = promisify(generateKeyPair);
const AUDIENCE = 'https://api.example.com';
const SCOPE = 'read:valuations write:valuations';
const CLIENT = { id: 'portcullis-tests', secret: randomBytes(32).toString('base64url') };
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
  async findByUid() {}
  async findByUserCode() {}
  async upsert(id, payload) {
    entries.set(this.key(id), payload);
  }
  async consume() {}
  async destroy(id) {
    entries.delete(this.key(id));
  }
  async revokeByGrantId() {}
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
    }, ...RESOURCE_SERVERS],
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
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
    enabledJWA: {
      clientAuthSigningAlgValues: Object.keys(clientKeys),
      idTokenSigningAlgValues: Object.keys(KEY_TYPES),
      introspectionSigningAlgValues: Object.keys(KEY_TYPES),
    },
    jwks: { keys: generations.flat() },
    scopes: SCOPE.split(' '),
    // Longer than any test takes.
    ttl: { ClientCredentials: 3600 },
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
    handle = provider(issuer).callback();
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
    } else {
      reply({ error: `unknown command: ${command}` });
      continue;
    }
    applyKeys();
    reply({ done: command, signing: kids(), published: generations.flat().map(({ kid }) => kid) });
  }
  process.exit(0);
});
