// A certified authorization server on loopback for the tests: its first line says where it is, then it answers the lines it is sent.
// usage: node server.mjs [port]; commands: rotate | withdraw | quit; ISSUER_KEYS_FILE keeps the keys over a restart.
import { generateKeyPair, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

// Stdout carries nothing but the answers. The notice about the runtime is harmless: Node 20.19 has all this server uses.
console.log = console.info = console.error;
console.warn = (line, ...rest) => String(line).includes('Unsupported runtime') || console.error(line, ...rest);
const { Provider, errors } = await import('oidc-provider');

const generate = promisify(generateKeyPair);
const AUDIENCE = 'https://api.example.com';
const SCOPE = 'read:valuations write:valuations';
const CLIENT = { id: 'portcullis-tests', secret: randomBytes(32).toString('base64url') };
const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
  // The fully-specified name of RFC 9864 for the same kind of key.
  Ed25519: ['ed25519', {}],
};
const RESOURCES = Object.fromEntries(Object.keys(KINDS).map((alg) => [`urn:portcullis:${alg.toLowerCase()}`, alg]));

async function generation() {
  return Promise.all(Object.entries(KINDS).map(async ([alg, [type, options]]) => {
    const { privateKey } = await generate(type, options);
    const kid = `${alg.toLowerCase()}-${randomBytes(6).toString('hex')}`;
    return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
  }));
}

const file = process.env.ISSUER_KEYS_FILE;
let generations = file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).generations : [await generation()];

function store() {
  if (!file) return;
  writeFileSync(`${file}.new`, JSON.stringify({ generations }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

// JWT access tokens are not stored, and no flow used here looks one up.
class Forgetful {
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
    adapter: Forgetful,
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
    enabledJWA: { idTokenSigningAlgValues: Object.keys(KINDS) },
    jwks: { keys: generations.flat() },
    scopes: SCOPE.split(' '),
    ttl: { ClientCredentials: 300 },
  });
}

const kids = () => Object.fromEntries(generations[0].map(({ alg, kid }) => [alg, kid]));
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

let serve;
const server = createServer((request, response) => serve(request, response));
server.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const change = () => {
    store();
    serve = provider(issuer).callback();
  };
  change();
  say({ issuer, token_endpoint: `${issuer}/token`, client_id: CLIENT.id, client_secret: CLIENT.secret });

  for await (const line of createInterface({ input: process.stdin })) {
    const command = line.trim();
    if (command === 'quit') {
      say({ done: command });
      break;
    } else if (command === 'rotate') {
      generations = [await generation(), generations[0]];
    } else if (command === 'withdraw') {
      generations = [generations[0]];
    } else {
      say({ error: `unknown command: ${command}` });
      continue;
    }
    change();
    say({ done: command, signing: kids(), published: generations.flat().map(({ kid }) => kid) });
  }
  process.exit(0);
});
