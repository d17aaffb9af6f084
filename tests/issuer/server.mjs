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
const KEY_TYPES = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
  // The fully specified name of the same algorithm (RFC 9864).
  Ed25519: ['ed25519', {}],
};
const RESOURCES = Object.fromEntries(Object.keys(KEY_TYPES).map((alg) => [`urn:portcullis:${alg.toLowerCase()}`, alg]));

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

// Stores nothing: JWT access tokens are not stored, and no flow used here looks one up.
class NoStorage {
  async find() {}
  async findByUid() {}
  async findByUserCode() {}
  async upsert() {}
  async consume() {}
  async destroy() {}
  async revokeByGrantId() {}
}

function provider(issuer) {
  return new Provider(issuer, {
    adapter: NoStorage,
    clients: [{
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      scope: SCOPE,
    }],
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_, resource) {
          const alg = RESOURCES[resource];
          if (!alg) throw new errors.InvalidTarget();
          return { audience: AUDIENCE, scope: SCOPE, accessTokenFormat: 'jwt', jwt: { sign: { alg, kid: kids()[alg] } } };
        },
      },
    },
    enabledJWA: { idTokenSigningAlgValues: Object.keys(KEY_TYPES) },
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
  reply({ issuer, token_endpoint: `${issuer}/token`, client_id: CLIENT.id, client_secret: CLIENT.secret });

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
