// Tokens made by npm's jose, and by hand where jose refuses to make a bad one, as one JSON document on stdout.
// `keys` of a token names the configuration that judges it: "jwks", "jwks:without-alg" (RS256 allowed, nothing else), "HS256" or
// "pem:RS256" (that secret or that public key, for that algorithm alone).
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const resolved = createRequire(new URL('../issuer/package.json', import.meta.url)).resolve('jose');
const jose = await import(pathToFileURL(resolved));
const generate = promisify(crypto.generateKeyPair);

const ISSUER = 'https://issuer.example.com';
const AUDIENCE = 'https://api.example.com';
const NOW = Math.floor(Date.now() / 1000);

const b64 = (value) => Buffer.from(value).toString('base64url');
const rsa = { modulusLength: 2048 };
const KINDS = {
  RS256: ['rsa', rsa], RS384: ['rsa', rsa], RS512: ['rsa', rsa], PS256: ['rsa', rsa], PS384: ['rsa', rsa], PS512: ['rsa', rsa],
  ES256: ['ec', { namedCurve: 'P-256' }], ES384: ['ec', { namedCurve: 'P-384' }], EdDSA: ['ed25519', {}],
};
const EXTRA = {
  WITHOUT_ALG: ['rsa', rsa], OTHER: ['rsa', rsa], ES256K: ['ec', { namedCurve: 'secp256k1' }], ES512: ['ec', { namedCurve: 'P-521' }],
};
const keys = Object.fromEntries(await Promise.all(
  Object.entries({ ...KINDS, ...EXTRA }).map(async ([name, kind]) => [name, await generate(...kind)]),
));
const publicJwk = (name) => keys[name].publicKey.export({ format: 'jwk' });
const spki = (name, format) => keys[name].publicKey.export({ type: 'spki', format });
const secrets = { HS256: crypto.randomBytes(32), HS384: crypto.randomBytes(48), HS512: crypto.randomBytes(64) };

const claims = (changes = {}) => ({
  iss: ISSUER, aud: AUDIENCE, sub: 'user-1', client_id: 'client-1', jti: crypto.randomUUID(), iat: NOW, exp: NOW + 300,
  scope: 'read:valuations', ...changes,
});
const header = (alg, changes = {}) => ({ alg, typ: 'at+jwt', kid: alg.toLowerCase(), ...changes });

const hmac = (alg, secret) => (input) => crypto.createHmac(`sha${alg.slice(2)}`, secret).update(input).digest();
function by(alg, key) {
  const hash = alg === 'EdDSA' ? null : `sha${alg === 'ES256K' ? 256 : alg.slice(2)}`;
  const options = { key: key ?? keys[alg].privateKey, dsaEncoding: 'ieee-p1363' };
  if (alg.startsWith('PS')) Object.assign(options, { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(alg.slice(2)) / 8 });
  return (input) => crypto.sign(hash, Buffer.from(input), options);
}

// Bytes and strings stand as they are, so that a token can carry what no JSON writer would write.
const bytes = (part) => (typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part));
const raw = (head, body, signer) => {
  const input = `${b64(bytes(head))}.${b64(bytes(body))}`;
  return `${input}.${b64(signer(input))}`;
};

const tokens = [];
const add = (expect, name, alg, token, { keys: use = 'jwks', attack = '' } = {}) => tokens.push({ name, alg, keys: use, token, expect, attack });
const honest = (name, alg, token, use) => add('accepted', name, alg, token, { keys: use });
const hostile = (attack, name, alg, token, use) => add('refused', name, alg, token, { keys: use, attack });
const sign = (alg, key, changes, head) => new jose.SignJWT(claims(changes)).setProtectedHeader(head ?? header(alg)).sign(key);

// honest
for (const alg of Object.keys(secrets)) {
  honest(`honest ${alg}`, alg, await sign(alg, secrets[alg], {}, { alg, typ: 'at+jwt' }), alg);
}
honest('honest HS256 that names a kid', 'HS256', await sign('HS256', secrets.HS256), 'HS256');
for (const alg of Object.keys(KINDS)) honest(`honest ${alg}`, alg, await sign(alg, keys[alg].privateKey));
const PEMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];
for (const alg of PEMS) honest(`honest ${alg} under a PEM`, alg, await sign(alg, keys[alg].privateKey), `pem:${alg}`);
const key = keys.RS256.privateKey;
honest('exp with a fraction', 'RS256', await sign('RS256', key, { exp: NOW + 300.5 }));
honest('aud is an array with ours and another', 'RS256', await sign('RS256', key, { aud: ['https://other.example.com', AUDIENCE] }));
honest('no kid', 'RS256', await sign('RS256', key, {}, { alg: 'RS256', typ: 'at+jwt' }));
honest('typ application/at+jwt', 'RS256', await sign('RS256', key, {}, header('RS256', { typ: 'application/at+jwt' })));
honest('typ AT+JWT', 'RS256', await sign('RS256', key, {}, header('RS256', { typ: 'AT+JWT' })));
honest('claims in UTF-8', 'RS256', await sign('RS256', key, { name: 'Zoë 門 😀' }));
const escaped = (text) => text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
honest('claims with escaped non-ASCII', 'RS256', raw(header('RS256'), escaped(JSON.stringify(claims({ name: 'Zoë 門 😀' }))), by('RS256')));
honest('iss with escapes of the same code points', 'RS256', raw(header('RS256'),
  JSON.stringify(claims()).replace(`"${ISSUER}"`, '"\\u0068ttps:\\/\\/issuer.example.com"'), by('RS256')));
honest('RS256 under a JWK without alg', 'RS256', await sign('RS256', keys.WITHOUT_ALG.privateKey, {}, header('RS256', { kid: 'without-alg' })), 'jwks:without-alg');

// A01
const noise = b64(crypto.randomBytes(256));
for (const alg of ['none', 'None', 'NONE', 'nOnE', 'none ', '', null, undefined]) {
  for (const [ending, signature] of [['no signature', ''], ['a random signature', noise]]) {
    const head = { ...header('RS256'), alg };
    hostile('A01', `alg ${alg === undefined ? 'missing' : JSON.stringify(alg)} with ${ending}`, String(alg),
      `${b64(JSON.stringify(head))}.${b64(JSON.stringify(claims()))}.${signature}`);
  }
}
for (const use of ['HS256', 'pem:RS256']) {
  hostile('A01', `alg "none" under ${use}`, 'none', new jose.UnsecuredJWT(claims()).encode(), use);
}
hostile('A01', 'two segments', 'RS256', raw(header('RS256'), claims(), by('RS256')).split('.').slice(0, 2).join('.'));

// A02
for (const alg of ['RS256', 'ES256']) {
  const pem = spki(alg, 'pem');
  const jwk = publicJwk(alg);
  const { kty, n, e, crv, x, y } = jwk;
  const published = { ...jwk, kid: alg.toLowerCase(), alg, use: 'sig' };
  const forms = {
    'PEM with LF': pem,
    'PEM with CRLF': pem.replaceAll('\n', '\r\n'),
    'PEM without the last newline': pem.trimEnd(),
    'PEM on one line of base64': pem.replace(/\n(?!-)(?!$)/g, '').replace('KEY-----', 'KEY-----\n'),
    DER: spki(alg, 'der'),
    'DER in base64': spki(alg, 'der').toString('base64'),
    'JWK as JSON': JSON.stringify(jwk),
    'JWK as published': JSON.stringify(published),
    'JWK as thumbprinted': JSON.stringify(kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y }),
    ...(kty === 'RSA'
      ? { 'PKCS#1 PEM': keys[alg].publicKey.export({ type: 'pkcs1', format: 'pem' }), 'n in base64url': n, 'n as bytes': Buffer.from(n, 'base64url') }
      : { 'x and y as bytes': Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]) }),
  };
  for (const [form, secret] of Object.entries(forms)) {
    for (const use of ['jwks', `pem:${alg}`]) {
      hostile('A02', `HS256 keyed by the ${alg} public key: ${form}, under ${use}`, 'HS256',
        raw(header('HS256', { kid: alg.toLowerCase() }), claims(), hmac('HS256', secret)), use);
    }
  }
}
hostile('A02', 'HS256 keyed by the PEM, no kid', 'HS256', raw({ alg: 'HS256', typ: 'at+jwt' }, claims(), hmac('HS256', spki('RS256', 'pem'))));

// A03, A04
const withoutAlg = (alg) => header(alg, { kid: 'without-alg' });
hostile('A03', 'HS256 with an empty key under an RSA JWK without alg', 'HS256', raw(withoutAlg('HS256'), claims(), hmac('HS256', '')), 'jwks:without-alg');
for (const alg of ['RS512', 'PS256']) {
  hostile('A04', `${alg} by the key of a JWK without alg where RS256 alone is allowed`, alg, raw(withoutAlg(alg), claims(), by(alg, keys.WITHOUT_ALG.privateKey)), 'jwks:without-alg');
}

// A05, A07, A08
const rs256 = { kid: 'rs256' };
hostile('A05', 'RS512 by the key registered for RS256', 'RS512', raw(header('RS512', rs256), claims(), by('RS512', key)));
hostile('A05', 'RS512 by the key of the RS256 PEM', 'RS512', raw(header('RS512', rs256), claims(), by('RS512', key)), 'pem:RS256');
hostile('A05', 'header RS256 over an RS512 signature of the RS512 key', 'RS256', raw(header('RS256', { kid: 'rs512' }), claims(), by('RS512')));
hostile('A05', 'RS256 by the key registered for RS512', 'RS256', raw(header('RS256', { kid: 'rs512' }), claims(), by('RS256', keys.RS512.privateKey)));
hostile('A07', 'PS256 by the key registered for RS256', 'PS256', raw(header('PS256', rs256), claims(), by('PS256', key)));
hostile('A07', 'PS256 by the key of the RS256 PEM', 'PS256', raw(header('PS256', rs256), claims(), by('PS256', key)), 'pem:RS256');
hostile('A07', 'RS256 by the key registered for PS256', 'RS256', raw(header('RS256', { kid: 'ps256' }), claims(), by('RS256', keys.PS256.privateKey)));
hostile('A07', 'PS256 with an empty salt', 'PS256', raw(header('PS256'), claims(), (input) => crypto.sign('sha256', Buffer.from(input),
  { key: keys.PS256.privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 0 })));
hostile('A08', 'ES384 under the kid of the ES256 key', 'ES384', raw(header('ES384', { kid: 'es256' }), claims(), by('ES384')));
hostile('A08', 'ES256 under the kid of the ES384 key', 'ES256', raw(header('ES256', { kid: 'es384' }), claims(), by('ES256')));
hostile('A08', 'ES384 hash by the P-256 key', 'ES384', raw(header('ES384', { kid: 'es256' }), claims(), by('ES384', keys.ES256.privateKey)));
hostile('A08', 'header ES256 over a signature of the P-384 key', 'ES256', raw(header('ES256'), claims(), by('ES256', keys.ES384.privateKey)));
hostile('A08', 'ES256K under the kid of the ES256 key', 'ES256K', raw(header('ES256K', { kid: 'es256' }), claims(), by('ES256K')));
hostile('A08', 'ES512', 'ES512', raw(header('ES512'), claims(), by('ES512')));

// A09
const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const one = Buffer.concat([Buffer.alloc(31), Buffer.from([1])]);
for (const [name, signature] of Object.entries({
  'r = 0, s = 0': Buffer.alloc(64),
  'r = n, s = n': Buffer.concat([order, order]),
  'r = n, s = 1': Buffer.concat([order, one]),
  'r = 1, s = 0': Buffer.concat([one, Buffer.alloc(32)]),
  'r = 0, s = 1': Buffer.concat([Buffer.alloc(32), one]),
  'no bytes': Buffer.alloc(0),
})) hostile('A09', `ES256 with ${name}`, 'ES256', raw(header('ES256'), claims(), () => signature));
hostile('A09', 'ES384 with r = 0, s = 0', 'ES384', raw(header('ES384'), claims(), () => Buffer.alloc(96)));
hostile('A09', 'ES256 with DER', 'ES256', raw(header('ES256'), claims(), (input) => crypto.sign('sha256', Buffer.from(input), keys.ES256.privateKey)));
hostile('A09', 'ES256 with r and s padded to 33 bytes', 'ES256', raw(header('ES256'), claims(), (input) => {
  const signature = by('ES256')(input);
  return Buffer.concat([Buffer.alloc(1), signature.subarray(0, 32), Buffer.alloc(1), signature.subarray(32)]);
}));

// A10
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const little = (buffer) => BigInt(`0x${Buffer.from(buffer).reverse().toString('hex')}`);
const littleBytes = (number) => Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse();
const sha512 = (...parts) => crypto.createHash('sha512').update(Buffer.concat(parts)).digest();
const edPrivate = keys.EdDSA.privateKey.export({ format: 'jwk' });
const A = Buffer.from(edPrivate.x, 'base64url');
const clamped = sha512(Buffer.from(edPrivate.d, 'base64url')).subarray(0, 32);
clamped[0] &= 248;
clamped[31] = (clamped[31] & 127) | 64;
const scalar = little(clamped);
hostile('A10', 'EdDSA with S + L', 'EdDSA', raw(header('EdDSA'), claims(), (input) => {
  const signature = by('EdDSA')(input);
  return Buffer.concat([signature.subarray(0, 32), littleBytes(little(signature.subarray(32)) + L)]);
}));
// S = k·a answers the equation for R of small order up to the cofactor; only the key's holder can make one.
for (const [name, R] of Object.entries({
  'R the identity': `01${'00'.repeat(31)}`,
  'R of order 2': `ec${'ff'.repeat(30)}7f`,
  'R of order 8': 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
})) {
  hostile('A10', `EdDSA with ${name}`, 'EdDSA', raw(header('EdDSA'), claims(), (input) => {
    const point = Buffer.from(R, 'hex');
    return Buffer.concat([point, littleBytes((little(sha512(point, A, Buffer.from(input))) * scalar) % L)]);
  }));
}
hostile('A10', 'EdDSA with zeroes', 'EdDSA', raw(header('EdDSA'), claims(), () => Buffer.alloc(64)));

// A13
const digestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex');
const digest = (input) => crypto.createHash('sha256').update(input).digest();
const padded = (build) => (input) => {
  const block = build(input);
  return crypto.privateEncrypt({ key, padding: crypto.constants.RSA_NO_PADDING }, block);
};
const block = (type, fill, count, ...tail) => {
  const body = Buffer.concat([Buffer.from([0, type]), Buffer.alloc(count, fill), Buffer.from([0]), ...tail]);
  return Buffer.concat([body, Buffer.alloc(256 - body.length)]);
};
for (const [name, build] of Object.entries({
  'short padding and bytes after the digest': (input) => block(1, 0xff, 8, digestInfo, digest(input)),
  'block type 2': (input) => block(2, 0xff, 202, digestInfo, digest(input)),
  'padding that is not ff': (input) => block(1, 0xfe, 202, digestInfo, digest(input)),
  'no DigestInfo': (input) => block(1, 0xff, 221, digest(input)),
  'DigestInfo without the NULL': (input) => block(1, 0xff, 204, Buffer.from('302f300b0609608648016503040201', 'hex'), Buffer.from('0420', 'hex'), digest(input)),
  'DigestInfo of another hash': (input) => block(1, 0xff, 202, Buffer.from('3031300d060960864801650304020305000420', 'hex'), digest(input)),
})) hostile('A13', `PKCS#1 v1.5: ${name}`, 'RS256', raw(header('RS256'), claims(), padded(build)));

// A14
for (const kid of ['../../dev/null', "' OR 1=1--", '\r\nX-Injected: 1', 'rs256\u0000', 'RS256', '', 'k'.repeat(4096), 1, null, true, ['rs256'], { kid: 'rs256' }]) {
  hostile('A14', `kid ${JSON.stringify(kid).slice(0, 40)}`, 'RS256', raw(header('RS256', { kid }), claims(), by('RS256', typeof kid === 'string' ? keys.OTHER.privateKey : key)));
}

// A15, A16
const attacker = keys.OTHER;
for (const url of ['https://evil.example/jwks.json', 'https://issuer.example.com@evil.example/jwks.json', 'http://169.254.169.254/latest']) {
  for (const name of ['jku', 'x5u']) {
    for (const kid of ['rs256', 'evil']) {
      hostile('A15', `${name} ${url} and kid ${kid} over another key`, 'RS256', raw(header('RS256', { kid, [name]: url }), claims(), by('RS256', attacker.privateKey)));
    }
  }
}
for (const kid of ['rs256', 'evil', undefined]) {
  const jwk = { ...publicJwk('OTHER'), alg: 'RS256', kid };
  hostile('A16', `self-signed with an embedded jwk, kid ${kid}`, 'RS256', await sign('RS256', attacker.privateKey, {}, header('RS256', { kid, jwk })));
}
hostile('A16', 'self-signed with an embedded x5c', 'RS256', raw(header('RS256', { x5c: [spki('OTHER', 'der').toString('base64')] }), claims(), by('RS256', attacker.privateKey)));
hostile('A30', 'another key under a known kid', 'RS256', await sign('RS256', attacker.privateKey));
for (const alg of ['RS256', 'ES256', 'EdDSA']) {
  hostile('A30', `${alg} with one bit of the signature flipped`, alg, raw(header(alg), claims(), (input) => {
    const signature = Buffer.from(by(alg)(input));
    signature[signature.length >> 1] ^= 1;
    return signature;
  }));
}
const [first, , third] = raw(header('RS256'), claims(), by('RS256')).split('.');
hostile('A30', 'claims of another token', 'RS256', [first, b64(JSON.stringify(claims({ sub: 'admin' }))), third].join('.'));
hostile('A30', 'HS256 with one bit of the secret flipped', 'HS256', raw({ alg: 'HS256', typ: 'at+jwt' }, claims(), hmac('HS256', secrets.HS256.map((byte, at) => (at ? byte : byte ^ 1)))), 'HS256');
hostile('A30', 'HS256 with a truncated MAC', 'HS256', raw({ alg: 'HS256', typ: 'at+jwt' }, claims(), (input) => hmac('HS256', secrets.HS256)(input).subarray(0, 16)), 'HS256');
hostile('A30', 'HS256 without a MAC', 'HS256', raw({ alg: 'HS256', typ: 'at+jwt' }, claims(), () => ''), 'HS256');
hostile('A05', 'HS512 by the secret for HS256', 'HS512', raw({ alg: 'HS512', typ: 'at+jwt' }, claims(), hmac('HS512', secrets.HS256)), 'HS256');

// A17, A18
const crits = {
  'an empty array': '[]', 'an unknown name': '["x-custom"]', 'a name the header has': '["x-here"]', 'a name twice': '["x-here","x-here"]',
  'the claim exp': '["exp"]', 'a registered name': '["alg"]', 'a string': '"x-here"', null: 'null', 'a number in it': '[1]', 'b64 that is absent': '["b64"]',
};
for (const [name, crit] of Object.entries(crits)) {
  hostile('A17', `crit is ${name}`, 'RS256', raw(`{"alg":"RS256","typ":"at+jwt","kid":"rs256","x-here":1,"crit":${crit}}`, claims(), by('RS256')));
}
hostile('A17', 'crit twice', 'RS256', raw('{"alg":"RS256","typ":"at+jwt","kid":"rs256","x-here":1,"crit":["x-here"],"crit":["x-here"]}', claims(), by('RS256')));
hostile('A17', 'crit b64 with b64 true', 'RS256', raw(header('RS256', { b64: true, crit: ['b64'] }), claims(), by('RS256')));
const unencoded = header('RS256', { b64: false, crit: ['b64'] });
const detached = await new jose.FlattenedSign(Buffer.from(JSON.stringify(claims()))).setProtectedHeader(unencoded).sign(key);
hostile('A18', 'b64 false with crit, detached', 'RS256', `${detached.protected}..${detached.signature}`);
hostile('A18', 'b64 false with crit, claims as they are', 'RS256', `${detached.protected}.${JSON.stringify(claims())}.${detached.signature}`);
hostile('A18', 'b64 false with crit, claims encoded', 'RS256', raw(unencoded, claims(), by('RS256')));
hostile('A18', 'b64 false without crit', 'RS256', raw(header('RS256', { b64: false }), claims(), by('RS256')));
hostile('A18', 'detached', 'RS256', [first, '', third].join('.'));

// A19
const body = JSON.stringify(claims());
for (const [name, text] of Object.entries({
  'sub twice': `{"sub":"admin",${body.slice(1)}`,
  'sub twice, the other order': body.replace(/}$/, ',"sub":"admin"}'),
  'sub twice, one escaped': `{"\\u0073ub":"admin",${body.slice(1)}`,
  'sub twice, one escaped, the other order': body.replace(/}$/, ',"\\u0073ub":"admin"}'),
  'iss twice': `{"iss":"https://evil.example",${body.slice(1)}`,
  'iss twice, the other order': body.replace(/}$/, ',"iss":"https://evil.example"}'),
  'aud twice': `{"aud":"https://evil.example",${body.slice(1)}`,
  'exp twice': `{"exp":1,${body.slice(1)}`,
  'exp twice, one escaped': body.replace(/}$/, `,"e\\u0078p":${NOW + 9999}}`),
  'scope twice': body.replace(/}$/, ',"scope":"admin"}'),
  'scope twice with one value': body.replace(/}$/, ',"scope":"read:valuations"}'),
  'an unregistered name twice': body.replace(/}$/, ',"team":"a","team":"b"}'),
})) hostile('A19', `claim ${name}`, 'RS256', raw(header('RS256'), text, by('RS256')));
for (const [name, text] of Object.entries({
  'alg twice': '{"alg":"none","typ":"at+jwt","kid":"rs256","alg":"RS256"}',
  'alg twice, the other order': '{"alg":"RS256","typ":"at+jwt","kid":"rs256","alg":"none"}',
  'alg twice, one escaped': '{"\\u0061lg":"none","typ":"at+jwt","kid":"rs256","alg":"RS256"}',
  'kid twice': '{"alg":"RS256","typ":"at+jwt","kid":"evil","kid":"rs256"}',
  'typ twice': '{"alg":"RS256","typ":"JWT","kid":"rs256","typ":"at+jwt"}',
  'an unregistered name twice': '{"alg":"RS256","typ":"at+jwt","kid":"rs256","x":1,"x":2}',
})) hostile('A19', `header ${name}`, 'RS256', raw(text, claims(), by('RS256')));

// A20 to A23, A44, A45: a claim set to JSON text, or taken away
const claim = (attack, name, value, label = value) => {
  const rest = JSON.stringify(claims({ [name]: undefined }));
  const text = value === undefined ? rest : `${rest.slice(0, -1)},"${name}":${value}}`;
  hostile(attack, `${name} ${value === undefined ? 'missing' : label}`, 'RS256', raw(header('RS256'), text, by('RS256')));
};
for (const value of [`"${NOW + 300}"`, '"tomorrow"', '-1', `-${NOW}`, '9223372036854775808', '9007199254740993', '1e400', '-1e400', 'null', 'true', 'false', '""', '{}',
  `[${NOW + 300}]`, '[]', '0', undefined, `${NOW - 3600}`, `${NOW - 3600}.5`, 'NaN', 'Infinity']) claim('A20', 'exp', value);
for (const name of ['nbf', 'iat']) {
  for (const value of [`${NOW + 3600}`, `${NOW + 3600}.5`, `"${NOW}"`, 'null', 'true', '-1', '1e400', '9223372036854775808', `[${NOW}]`, '{}']) claim('A21', name, value);
}
for (const value of ['https://api.example.com/', 'https://api.example.co', 'https://api.example.com.evil.example', 'https://API.example.com', 'HTTPS://api.example.com',
  'http://api.example.com', 'https://api.example.com:443', ' https://api.example.com', 'https://api.example.com other', 'api.example.com', '', '*']) claim('A22', 'aud', JSON.stringify(value));
for (const value of ['["https://other.example.com"]', `["${AUDIENCE}",1]`, `[["${AUDIENCE}"]]`, '[]', '[""]', 'null', '1', 'true', `{"aud":"${AUDIENCE}"}`, undefined]) claim('A22', 'aud', value);
for (const value of ['https://issuer.example', 'https://issuer.example.com.evil.example', 'https://evil.example/https://issuer.example.com', 'https://ISSUER.example.com',
  'https://issuer.example.com/', 'http://issuer.example.com', 'https://issuer.example.com#', ' https://issuer.example.com', 'https://issuer.example.com\u0000', 'issuer.example.com', '']) {
  claim('A23', 'iss', JSON.stringify(value));
}
for (const value of [`["https://evil.example","${ISSUER}"]`, `["${ISSUER}"]`, `{"iss":"${ISSUER}"}`, 'null', '1', undefined]) claim('A23', 'iss', value);
for (const value of ['""', '1', 'null', '["user-1"]', '{}']) claim('A44', 'sub', value);
for (const value of ['null', '1', 'true', '{}']) claim('A45', 'scope', value);
for (const value of ['1', 'null', '["a"]']) claim('T-JWT-01', 'jti', value);

// A32
const typed = (typ, changes = {}) => raw(header('RS256', { typ }), claims(changes), by('RS256'));
const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
hostile('A32', 'an ID token', 'RS256', typed('JWT', { nonce: 'n', at_hash: 'h', auth_time: NOW, scope: undefined, client_id: undefined }));
hostile('A32', 'a logout token', 'RS256', typed('logout+jwt', { events, sid: 's' }));
hostile('A32', 'a security event token', 'RS256', typed('secevent+jwt', { events }));
hostile('A32', 'a DPoP proof', 'RS256', raw(header('RS256', { typ: 'dpop+jwt', jwk: publicJwk('RS256') }), claims({ htm: 'GET', htu: AUDIENCE }), by('RS256')));
hostile('A32', 'an introspection answer', 'RS256', typed('token-introspection+jwt', { token_introspection: { active: true, sub: 'user-1' } }));
hostile('A32', 'a client assertion', 'RS256', typed('client-authentication+jwt', { sub: 'client-1' }));
for (const typ of ['JWT', 'rt+jwt', 'oauth-authz-req+jwt', 'kb+jwt', 'entity-statement+jwt', 'at+jwt ', 'x/at+jwt', 'application/application/at+jwt', '', null, 1, ['at+jwt'], undefined]) {
  hostile('A32', `typ ${typ === undefined ? 'missing' : JSON.stringify(typ)}`, 'RS256', typed(typ));
}
hostile('T-JWT-05', 'cty JWT over a token inside', 'RS256', raw(header('RS256', { cty: 'JWT' }), await sign('RS256', key), by('RS256')));
hostile('T-JWT-05', 'cty JWT over claims', 'RS256', raw(header('RS256', { cty: 'JWT' }), claims(), by('RS256')));

// A33, A34
const encrypt = (plain, more) => new jose.CompactEncrypt(Buffer.from(plain))
  .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', typ: 'at+jwt', kid: 'rs256', ...more }).encrypt(keys.RS256.publicKey);
hostile('A33', 'JWE to our key', 'RSA-OAEP-256', await encrypt(JSON.stringify(claims())));
hostile('A33', 'JWE to our key over a signed token', 'RSA-OAEP-256', await encrypt(await sign('RS256', key), { cty: 'JWT' }));
hostile('A33', 'JWE whose header says RS256', 'RS256', `${first}${(await encrypt(JSON.stringify(claims()))).replace(/^[^.]+/, '')}`);
const flattened = await new jose.FlattenedSign(Buffer.from(body)).setProtectedHeader(header('RS256')).sign(key);
hostile('A34', 'flattened JSON', 'RS256', JSON.stringify(flattened));
hostile('A34', 'general JSON', 'RS256', JSON.stringify({ payload: flattened.payload, signatures: [{ protected: flattened.protected, signature: flattened.signature }] }));
hostile('A06', 'alg in the unprotected header', 'RS256', JSON.stringify({ ...flattened, protected: b64('{"typ":"at+jwt"}'), header: { alg: 'RS256', kid: 'rs256' } }));

// A36, A37
hostile('A36', 'ten thousand dots', 'none', '.'.repeat(10_000));
hostile('A36', 'four segments', 'RS256', `${raw(header('RS256'), claims(), by('RS256'))}.e30`);
hostile('A36', 'a token of 40 KB', 'RS256', await sign('RS256', key, { padding: 'x'.repeat(30_000) }));
const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
hostile('A37', 'ten thousand brackets in a claim', 'RS256', raw(header('RS256'), body.replace(/}$/, `,"deep":${deep}}`), by('RS256')));
hostile('A37', 'ten thousand brackets in the header', 'RS256', raw(`{"alg":"RS256","typ":"at+jwt","kid":"rs256","deep":${deep}}`, claims(), by('RS256')));
hostile('A37', 'ten thousand brackets never closed', 'RS256', raw(header('RS256'), body.replace(/}$/, `,"deep":${'['.repeat(10_000)}`), by('RS256')));

// A38
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const loose = (segment) => segment.slice(0, -1) + alphabet[alphabet.indexOf(segment.at(-1)) | 1];
// A token by RS256 that has '-' or '_' in its signature, and so another spelling in the plain alphabet.
let spelt;
do spelt = raw(header('RS256'), claims(), by('RS256')).split('.'); while (!/[-_]/.test(spelt[2]));
const [h, p, s] = spelt;
const signed = (head, payload) => `${head}.${payload}.${b64(by('RS256')(`${head}.${payload}`))}`;
// One space more leaves one byte over, and so spare bits in the last character.
const slack = (text) => b64(`${text}${' '.repeat((4 - (Buffer.byteLength(text) % 3)) % 3)}`);
for (const [name, token] of Object.entries({
  'padding after the signature': `${h}.${p}.${s}==`,
  'padding after the claims': signed(h, `${slack(body)}==`),
  'padding after the header': signed(`${slack(JSON.stringify(header('RS256')))}==`, p),
  'the plain alphabet in the signature': `${h}.${p}.${s.replaceAll('-', '+').replaceAll('_', '/')}`,
  'spare bits in the signature': `${h}.${p}.${loose(s)}`,
  'spare bits in the claims': signed(h, loose(slack(body))),
  'spare bits in the header': signed(loose(slack(JSON.stringify(header('RS256')))), p),
  'a byte after the signature': `${h}.${p}.${b64(Buffer.concat([Buffer.from(s, 'base64url'), Buffer.alloc(1)]))}`,
  'a byte before the signature': `${h}.${p}.${b64(Buffer.concat([Buffer.alloc(1), Buffer.from(s, 'base64url')]))}`,
  'a character after the signature': `${h}.${p}.${s}A`,
  'a question mark in the signature': `${h}.${p}.${s.slice(0, 9)}?${s.slice(9)}`,
  'a space in the signature': `${h}.${p}.${s.slice(0, 9)} ${s.slice(9)}`,
  'a space before the signature': `${h}.${p}. ${s}`,
  'a tab in the claims': `${h}.${p.slice(0, 9)}\t${p.slice(9)}.${s}`,
  'a dot at the end': `${h}.${p}.${s}.`,
})) hostile('A38', name, 'RS256', token);

// A39, T-JWS-06
const named = (name) => JSON.stringify(claims({ name }));
const [before, after] = named('SPLIT').split('SPLIT').map((part) => Buffer.from(part));
for (const [name, payload] of Object.entries({
  'a BOM': Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(body)]),
  'UTF-16': Buffer.from(body, 'utf16le'),
  'UTF-16 with a BOM': Buffer.from(`\ufeff${body}`, 'utf16le'),
  'a lone high surrogate': `${before}\\ud800${after}`,
  'a lone low surrogate': `${before}\\udc00${after}`,
  'a lone surrogate in sub': body.replace('"user-1"', '"user-1\\ud800"'),
  'overlong UTF-8': Buffer.concat([before, Buffer.from([0xc0, 0xaf]), after]),
  'a byte that is not UTF-8': Buffer.concat([before, Buffer.from([0xff]), after]),
  'a surrogate in UTF-8': Buffer.concat([before, Buffer.from([0xed, 0xa0, 0x80]), after]),
  'a homoglyph in iss': body.replace('issuer.example', 'issuer.ex\u0430mple'),
})) hostile('A39', name, 'RS256', raw(header('RS256'), payload, by('RS256')));
hostile('A39', 'a BOM before the header', 'RS256', raw(`\ufeff${JSON.stringify(header('RS256'))}`, claims(), by('RS256')));
for (const [name, payload] of Object.entries({
  'an array': `[${body}]`, 'a string': JSON.stringify(body), null: 'null', nothing: '', 'an object and more': `${body}{}`, 'an object and a NUL': `${body}\0`,
  'an unfinished object': body.slice(0, -1), 'a comma too many': body.replace(/}$/, ',}'), 'a comment': `/**/${body}`,
})) hostile('T-JWS-06', `claims are ${name}`, 'RS256', raw(header('RS256'), payload, by('RS256')));
for (const [name, text] of Object.entries({ 'an array': '[]', 'a string': '"RS256"', null: 'null', nothing: '', 'an object and more': `${JSON.stringify(header('RS256'))}{}` })) {
  hostile('T-JWS-06', `the header is ${name}`, 'RS256', raw(text, claims(), by('RS256')));
}

// T-CNF-01
const thumbprint = await jose.calculateJwkThumbprint(publicJwk('ES256'));
for (const [name, cnf] of Object.entries({
  'a jkt': { jkt: thumbprint }, 'an x5t#S256': { 'x5t#S256': thumbprint }, 'a jwk': { jwk: publicJwk('ES256') }, 'a kid': { kid: 'k' }, 'a new method': { 'x-new': 'y' },
  'nothing in it': {}, 'a jkt that is a number': { jkt: 1 }, 'a string': thumbprint, null: null, 'an array': [{ jkt: thumbprint }], true: true,
})) hostile('T-CNF-01', `cnf is ${name}`, 'RS256', await sign('RS256', key, { cnf }));

process.stdout.write(`${JSON.stringify({
  issuer: ISSUER,
  audience: AUDIENCE,
  secrets: Object.fromEntries(Object.entries(secrets).map(([alg, secret]) => [alg, b64(secret)])),
  pem: Object.fromEntries(PEMS.map((alg) => [alg, spki(alg, 'pem')])),
  jwks: { keys: Object.keys(KINDS).map((alg) => ({ ...publicJwk(alg), kid: alg.toLowerCase(), alg, use: 'sig' })) },
  'jwks:without-alg': { keys: [{ ...publicJwk('WITHOUT_ALG'), kid: 'without-alg', use: 'sig' }] },
  tokens,
})}\n`);
