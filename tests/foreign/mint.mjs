// Prints one JSON document with tokens made by npm's jose, or by hand if jose refuses to make an invalid one.
// A token's `keys` names the keys to verify it with: "jwks", "jwks:without-alg" (only RS256 is allowed), "HS256" or "pem:RS256"
// (only this secret or this public key, for only this algorithm).
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
const KEY_TYPES = {
  RS256: ['rsa', rsa], RS384: ['rsa', rsa], RS512: ['rsa', rsa], PS256: ['rsa', rsa], PS384: ['rsa', rsa], PS512: ['rsa', rsa],
  ES256: ['ec', { namedCurve: 'P-256' }], ES384: ['ec', { namedCurve: 'P-384' }], EdDSA: ['ed25519', {}],
};
const EXTRA_KEY_TYPES = {
  WITHOUT_ALG: ['rsa', rsa], OTHER: ['rsa', rsa], ES256K: ['ec', { namedCurve: 'secp256k1' }], ES512: ['ec', { namedCurve: 'P-521' }],
};
const keys = Object.fromEntries(await Promise.all(
  Object.entries({ ...KEY_TYPES, ...EXTRA_KEY_TYPES }).map(async ([name, type]) => [name, await generate(...type)]),
));
const publicJwk = (name) => keys[name].publicKey.export({ format: 'jwk' });
const spki = (name, format) => keys[name].publicKey.export({ type: 'spki', format });
const secrets = { HS256: crypto.randomBytes(32), HS384: crypto.randomBytes(48), HS512: crypto.randomBytes(64) };

const claims = (changes = {}) => ({
  iss: ISSUER, aud: AUDIENCE, sub: 'user-1', client_id: 'client-1', jti: crypto.randomUUID(), iat: NOW, exp: NOW + 300,
  scope: 'read:valuations', ...changes,
});
const header = (alg, changes = {}) => ({ alg, typ: 'at+jwt', kid: alg.toLowerCase(), ...changes });

// Signers: functions from the signing input to the signature.
const hmac = (alg, secret) => (input) => crypto.createHmac(`sha${alg.slice(2)}`, secret).update(input).digest();
function signer(alg, key) {
  const hash = alg === 'EdDSA' ? null : `sha${alg === 'ES256K' ? 256 : alg.slice(2)}`;
  const options = { key: key ?? keys[alg].privateKey, dsaEncoding: 'ieee-p1363' };
  if (alg.startsWith('PS')) Object.assign(options, { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(alg.slice(2)) / 8 });
  return (input) => crypto.sign(hash, Buffer.from(input), options);
}

// Bytes and strings are used unchanged, so that a token can contain what no JSON serializer would write.
const bytes = (part) => (typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part));
const assemble = (head, body, sign) => {
  const input = `${b64(bytes(head))}.${b64(bytes(body))}`;
  return `${input}.${b64(sign(input))}`;
};

const tokens = [];
const add = (expect, name, alg, token, keys = 'jwks') => tokens.push({ name, alg, keys, token, expect });
const valid = (name, alg, token, keys) => add('accepted', name, alg, token, keys);
const invalid = (name, alg, token, keys) => add('rejected', name, alg, token, keys);
const sign = (alg, key, changes, head) => new jose.SignJWT(claims(changes)).setProtectedHeader(head ?? header(alg)).sign(key);

// Valid tokens
for (const alg of Object.keys(secrets)) {
  valid(`valid ${alg}`, alg, await sign(alg, secrets[alg], {}, { alg, typ: 'at+jwt' }), alg);
}
valid('valid HS256 with a kid', 'HS256', await sign('HS256', secrets.HS256), 'HS256');
for (const alg of Object.keys(KEY_TYPES)) valid(`valid ${alg}`, alg, await sign(alg, keys[alg].privateKey));
const PEMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];
for (const alg of PEMS) valid(`valid ${alg} under a PEM`, alg, await sign(alg, keys[alg].privateKey), `pem:${alg}`);
// The algorithms that must be enabled by name, which a PEM does.
const OPT_IN = ['ES512', 'ES256K'];
for (const alg of OPT_IN) valid(`valid ${alg} under a PEM`, alg, assemble(header(alg), claims(), signer(alg)), `pem:${alg}`);
const key = keys.RS256.privateKey;
valid('exp with a fraction', 'RS256', await sign('RS256', key, { exp: NOW + 300.5 }));
valid('aud is an array of ours and another', 'RS256', await sign('RS256', key, { aud: ['https://other.example.com', AUDIENCE] }));
valid('no kid', 'RS256', await sign('RS256', key, {}, { alg: 'RS256', typ: 'at+jwt' }));
valid('typ application/at+jwt', 'RS256', await sign('RS256', key, {}, header('RS256', { typ: 'application/at+jwt' })));
valid('typ AT+JWT', 'RS256', await sign('RS256', key, {}, header('RS256', { typ: 'AT+JWT' })));
valid('claims in UTF-8', 'RS256', await sign('RS256', key, { name: 'Zoë 門 😀' }));
const escapeNonAscii = (text) => text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
valid('claims with escaped non-ASCII', 'RS256', assemble(header('RS256'), escapeNonAscii(JSON.stringify(claims({ name: 'Zoë 門 😀' }))), signer('RS256')));
valid('iss with escapes of the same code points', 'RS256', assemble(header('RS256'),
  JSON.stringify(claims()).replace(`"${ISSUER}"`, '"\\u0068ttps:\\/\\/issuer.example.com"'), signer('RS256')));
valid('RS256 under a JWK without alg', 'RS256', await sign('RS256', keys.WITHOUT_ALG.privateKey, {}, header('RS256', { kid: 'without-alg' })), 'jwks:without-alg');

// The algorithm none
const noise = b64(crypto.randomBytes(256));
for (const alg of ['none', 'None', 'NONE', 'nOnE', 'none ', '', null, undefined]) {
  for (const [ending, signature] of [['no signature', ''], ['a random signature', noise]]) {
    const head = { ...header('RS256'), alg };
    invalid(`alg ${alg === undefined ? 'missing' : JSON.stringify(alg)} with ${ending}`, String(alg),
      `${b64(JSON.stringify(head))}.${b64(JSON.stringify(claims()))}.${signature}`);
  }
}
for (const use of ['HS256', 'pem:RS256']) {
  invalid(`alg "none" under ${use}`, 'none', new jose.UnsecuredJWT(claims()).encode(), use);
}
invalid('two segments', 'RS256', assemble(header('RS256'), claims(), signer('RS256')).split('.').slice(0, 2).join('.'));

// A public key as an HMAC secret
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
      invalid(`HS256 keyed by the ${alg} public key: ${form}, under ${use}`, 'HS256',
        assemble(header('HS256', { kid: alg.toLowerCase() }), claims(), hmac('HS256', secret)), use);
    }
  }
}
invalid('HS256 keyed by the PEM, no kid', 'HS256', assemble({ alg: 'HS256', typ: 'at+jwt' }, claims(), hmac('HS256', spki('RS256', 'pem'))));

// A JWK without alg
const withoutAlg = (alg) => header(alg, { kid: 'without-alg' });
invalid('HS256 with an empty key under an RSA JWK without alg', 'HS256', assemble(withoutAlg('HS256'), claims(), hmac('HS256', '')), 'jwks:without-alg');
for (const alg of ['RS512', 'PS256']) {
  invalid(`${alg} by the key of a JWK without alg where RS256 alone is allowed`, alg, assemble(withoutAlg(alg), claims(), signer(alg, keys.WITHOUT_ALG.privateKey)), 'jwks:without-alg');
}

// A key with another algorithm or curve
const rs256 = { kid: 'rs256' };
invalid('RS512 by the key registered for RS256', 'RS512', assemble(header('RS512', rs256), claims(), signer('RS512', key)));
invalid('RS512 by the key of the RS256 PEM', 'RS512', assemble(header('RS512', rs256), claims(), signer('RS512', key)), 'pem:RS256');
invalid('header RS256 over an RS512 signature of the RS512 key', 'RS256', assemble(header('RS256', { kid: 'rs512' }), claims(), signer('RS512')));
invalid('RS256 by the key registered for RS512', 'RS256', assemble(header('RS256', { kid: 'rs512' }), claims(), signer('RS256', keys.RS512.privateKey)));
invalid('PS256 by the key registered for RS256', 'PS256', assemble(header('PS256', rs256), claims(), signer('PS256', key)));
invalid('PS256 by the key of the RS256 PEM', 'PS256', assemble(header('PS256', rs256), claims(), signer('PS256', key)), 'pem:RS256');
invalid('RS256 by the key registered for PS256', 'RS256', assemble(header('RS256', { kid: 'ps256' }), claims(), signer('RS256', keys.PS256.privateKey)));
invalid('PS256 with an empty salt', 'PS256', assemble(header('PS256'), claims(), (input) => crypto.sign('sha256', Buffer.from(input),
  { key: keys.PS256.privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 0 })));
invalid('ES384 under the kid of the ES256 key', 'ES384', assemble(header('ES384', { kid: 'es256' }), claims(), signer('ES384')));
invalid('ES256 under the kid of the ES384 key', 'ES256', assemble(header('ES256', { kid: 'es384' }), claims(), signer('ES256')));
invalid('ES384 hash by the P-256 key', 'ES384', assemble(header('ES384', { kid: 'es256' }), claims(), signer('ES384', keys.ES256.privateKey)));
invalid('header ES256 over a signature of the P-384 key', 'ES256', assemble(header('ES256'), claims(), signer('ES256', keys.ES384.privateKey)));
invalid('ES256K under the kid of the ES256 key', 'ES256K', assemble(header('ES256K', { kid: 'es256' }), claims(), signer('ES256K')));
invalid('ES512', 'ES512', assemble(header('ES512'), claims(), signer('ES512')));

// Malformed ECDSA signatures
const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const one = Buffer.concat([Buffer.alloc(31), Buffer.from([1])]);
for (const [name, signature] of Object.entries({
  'r = 0, s = 0': Buffer.alloc(64),
  'r = n, s = n': Buffer.concat([order, order]),
  'r = n, s = 1': Buffer.concat([order, one]),
  'r = 1, s = 0': Buffer.concat([one, Buffer.alloc(32)]),
  'r = 0, s = 1': Buffer.concat([Buffer.alloc(32), one]),
  'no bytes': Buffer.alloc(0),
})) invalid(`ES256 with ${name}`, 'ES256', assemble(header('ES256'), claims(), () => signature));
invalid('ES384 with r = 0, s = 0', 'ES384', assemble(header('ES384'), claims(), () => Buffer.alloc(96)));
invalid('ES256 with DER', 'ES256', assemble(header('ES256'), claims(), (input) => crypto.sign('sha256', Buffer.from(input), keys.ES256.privateKey)));
invalid('ES256 with r and s padded to 33 bytes', 'ES256', assemble(header('ES256'), claims(), (input) => {
  const signature = signer('ES256')(input);
  return Buffer.concat([Buffer.alloc(1), signature.subarray(0, 32), Buffer.alloc(1), signature.subarray(32)]);
}));

// Malleable Ed25519 signatures
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
invalid('EdDSA with S + L', 'EdDSA', assemble(header('EdDSA'), claims(), (input) => {
  const signature = signer('EdDSA')(input);
  return Buffer.concat([signature.subarray(0, 32), littleBytes(little(signature.subarray(32)) + L)]);
}));
// With R of small order, S = k·a satisfies the cofactored equation. Only the holder of the key can make such a signature.
for (const [name, R] of Object.entries({
  'R the identity': `01${'00'.repeat(31)}`,
  'R of order 2': `ec${'ff'.repeat(30)}7f`,
  'R of order 8': 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
})) {
  invalid(`EdDSA with ${name}`, 'EdDSA', assemble(header('EdDSA'), claims(), (input) => {
    const point = Buffer.from(R, 'hex');
    return Buffer.concat([point, littleBytes((little(sha512(point, A, Buffer.from(input))) * scalar) % L)]);
  }));
}
invalid('EdDSA with zeroes', 'EdDSA', assemble(header('EdDSA'), claims(), () => Buffer.alloc(64)));

// Malformed PKCS#1 v1.5 padding
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
})) invalid(`PKCS#1 v1.5: ${name}`, 'RS256', assemble(header('RS256'), claims(), padded(build)));

// A hostile `kid`
for (const kid of ['../../dev/null', "' OR 1=1--", '\r\nX-Injected: 1', 'rs256\u0000', 'RS256', '', 'k'.repeat(4096), 1, null, true, ['rs256'], { kid: 'rs256' }]) {
  invalid(`kid ${JSON.stringify(kid).slice(0, 40)}`, 'RS256', assemble(header('RS256', { kid }), claims(), signer('RS256', typeof kid === 'string' ? keys.OTHER.privateKey : key)));
}

// Keys and key URLs in the header; forged signatures
const attacker = keys.OTHER;
for (const url of ['https://evil.example/jwks.json', 'https://issuer.example.com@evil.example/jwks.json', 'http://169.254.169.254/latest']) {
  for (const name of ['jku', 'x5u']) {
    for (const kid of ['rs256', 'evil']) {
      invalid(`${name} ${url} and kid ${kid} over another key`, 'RS256', assemble(header('RS256', { kid, [name]: url }), claims(), signer('RS256', attacker.privateKey)));
    }
  }
}
for (const kid of ['rs256', 'evil', undefined]) {
  const jwk = { ...publicJwk('OTHER'), alg: 'RS256', kid };
  invalid(`self-signed with an embedded jwk, kid ${kid}`, 'RS256', await sign('RS256', attacker.privateKey, {}, header('RS256', { kid, jwk })));
}
invalid('self-signed with an embedded x5c', 'RS256', assemble(header('RS256', { x5c: [spki('OTHER', 'der').toString('base64')] }), claims(), signer('RS256', attacker.privateKey)));
invalid('another key under a known kid', 'RS256', await sign('RS256', attacker.privateKey));
for (const alg of ['RS256', 'ES256', 'EdDSA']) {
  invalid(`${alg} with one bit of the signature flipped`, alg, assemble(header(alg), claims(), (input) => {
    const signature = Buffer.from(signer(alg)(input));
    signature[signature.length >> 1] ^= 1;
    return signature;
  }));
}
const [first, , third] = assemble(header('RS256'), claims(), signer('RS256')).split('.');
invalid('claims of another token', 'RS256', [first, b64(JSON.stringify(claims({ sub: 'admin' }))), third].join('.'));
invalid('HS256 with one bit of the secret flipped', 'HS256', assemble({ alg: 'HS256', typ: 'at+jwt' }, claims(), hmac('HS256', secrets.HS256.map((byte, at) => (at ? byte : byte ^ 1)))), 'HS256');
invalid('HS256 with a truncated MAC', 'HS256', assemble({ alg: 'HS256', typ: 'at+jwt' }, claims(), (input) => hmac('HS256', secrets.HS256)(input).subarray(0, 16)), 'HS256');
invalid('HS256 without a MAC', 'HS256', assemble({ alg: 'HS256', typ: 'at+jwt' }, claims(), () => ''), 'HS256');
invalid('HS512 by the secret for HS256', 'HS512', assemble({ alg: 'HS512', typ: 'at+jwt' }, claims(), hmac('HS512', secrets.HS256)), 'HS256');

// `crit`, unencoded and detached payloads
const crits = {
  'an empty array': '[]', 'an unknown name': '["x-custom"]', 'a name the header has': '["x-here"]', 'a name twice': '["x-here","x-here"]',
  'the claim exp': '["exp"]', 'a registered name': '["alg"]', 'a string': '"x-here"', null: 'null', 'a number in it': '[1]', 'b64 that is absent': '["b64"]',
};
for (const [name, crit] of Object.entries(crits)) {
  invalid(`crit is ${name}`, 'RS256', assemble(`{"alg":"RS256","typ":"at+jwt","kid":"rs256","x-here":1,"crit":${crit}}`, claims(), signer('RS256')));
}
invalid('crit twice', 'RS256', assemble('{"alg":"RS256","typ":"at+jwt","kid":"rs256","x-here":1,"crit":["x-here"],"crit":["x-here"]}', claims(), signer('RS256')));
invalid('crit b64 with b64 true', 'RS256', assemble(header('RS256', { b64: true, crit: ['b64'] }), claims(), signer('RS256')));
const unencoded = header('RS256', { b64: false, crit: ['b64'] });
const detached = await new jose.FlattenedSign(Buffer.from(JSON.stringify(claims()))).setProtectedHeader(unencoded).sign(key);
invalid('b64 false with crit, detached', 'RS256', `${detached.protected}..${detached.signature}`);
invalid('b64 false with crit, claims as they are', 'RS256', `${detached.protected}.${JSON.stringify(claims())}.${detached.signature}`);
invalid('b64 false with crit, claims encoded', 'RS256', assemble(unencoded, claims(), signer('RS256')));
invalid('b64 false without crit', 'RS256', assemble(header('RS256', { b64: false }), claims(), signer('RS256')));
invalid('detached', 'RS256', [first, '', third].join('.'));

// Duplicate names
const body = JSON.stringify(claims());
for (const [name, text] of Object.entries({
  'sub twice': `{"sub":"admin",${body.slice(1)}`,
  'sub twice, in the other order': body.replace(/}$/, ',"sub":"admin"}'),
  'sub twice, one escaped': `{"\\u0073ub":"admin",${body.slice(1)}`,
  'sub twice, one escaped, in the other order': body.replace(/}$/, ',"\\u0073ub":"admin"}'),
  'iss twice': `{"iss":"https://evil.example",${body.slice(1)}`,
  'iss twice, in the other order': body.replace(/}$/, ',"iss":"https://evil.example"}'),
  'aud twice': `{"aud":"https://evil.example",${body.slice(1)}`,
  'exp twice': `{"exp":1,${body.slice(1)}`,
  'exp twice, one escaped': body.replace(/}$/, `,"e\\u0078p":${NOW + 9999}}`),
  'scope twice': body.replace(/}$/, ',"scope":"admin"}'),
  'scope twice with one value': body.replace(/}$/, ',"scope":"read:valuations"}'),
  'an unregistered name twice': body.replace(/}$/, ',"team":"a","team":"b"}'),
})) invalid(`claim ${name}`, 'RS256', assemble(header('RS256'), text, signer('RS256')));
for (const [name, text] of Object.entries({
  'alg twice': '{"alg":"none","typ":"at+jwt","kid":"rs256","alg":"RS256"}',
  'alg twice, in the other order': '{"alg":"RS256","typ":"at+jwt","kid":"rs256","alg":"none"}',
  'alg twice, one escaped': '{"\\u0061lg":"none","typ":"at+jwt","kid":"rs256","alg":"RS256"}',
  'kid twice': '{"alg":"RS256","typ":"at+jwt","kid":"evil","kid":"rs256"}',
  'typ twice': '{"alg":"RS256","typ":"JWT","kid":"rs256","typ":"at+jwt"}',
  'an unregistered name twice': '{"alg":"RS256","typ":"at+jwt","kid":"rs256","x":1,"x":2}',
})) invalid(`header ${name}`, 'RS256', assemble(text, claims(), signer('RS256')));

// One claim is set to JSON text or removed
const claim = (name, value, label = value) => {
  const rest = JSON.stringify(claims({ [name]: undefined }));
  const text = value === undefined ? rest : `${rest.slice(0, -1)},"${name}":${value}}`;
  invalid(`${name} ${value === undefined ? 'missing' : label}`, 'RS256', assemble(header('RS256'), text, signer('RS256')));
};
for (const value of [`"${NOW + 300}"`, '"tomorrow"', '-1', `-${NOW}`, '9223372036854775808', '9007199254740993', '1e400', '-1e400', 'null', 'true', 'false', '""', '{}',
  `[${NOW + 300}]`, '[]', '0', undefined, `${NOW - 3600}`, `${NOW - 3600}.5`, 'NaN', 'Infinity']) claim('exp', value);
// A claim that is null, and a jti that nothing needs, are read as absent. The crate's own tests check that
for (const name of ['nbf', 'iat']) {
  for (const value of [`${NOW + 3600}`, `${NOW + 3600}.5`, `"${NOW}"`, 'true', '-1', '1e400', '9223372036854775808', `[${NOW}]`, '{}']) claim(name, value);
}
for (const value of ['https://api.example.com/', 'https://api.example.co', 'https://api.example.com.evil.example', 'https://API.example.com', 'HTTPS://api.example.com',
  'http://api.example.com', 'https://api.example.com:443', ' https://api.example.com', 'https://api.example.com other', 'api.example.com', '', '*']) claim('aud', JSON.stringify(value));
for (const value of ['["https://other.example.com"]', `["${AUDIENCE}",1]`, `[["${AUDIENCE}"]]`, '[]', '[""]', 'null', '1', 'true', `{"aud":"${AUDIENCE}"}`, undefined]) claim('aud', value);
for (const value of ['https://issuer.example', 'https://issuer.example.com.evil.example', 'https://evil.example/https://issuer.example.com', 'https://ISSUER.example.com',
  'https://issuer.example.com/', 'http://issuer.example.com', 'https://issuer.example.com#', ' https://issuer.example.com', 'https://issuer.example.com\u0000', 'issuer.example.com', '']) {
  claim('iss', JSON.stringify(value));
}
for (const value of [`["https://evil.example","${ISSUER}"]`, `["${ISSUER}"]`, `{"iss":"${ISSUER}"}`, 'null', '1', undefined]) claim('iss', value);
for (const value of ['""', '1', 'null', '["user-1"]', '{}']) claim('sub', value);
for (const value of ['null', '1', 'true', '{}']) claim('scope', value);

// Tokens of other types
const typed = (typ, changes = {}) => assemble(header('RS256', { typ }), claims(changes), signer('RS256'));
const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
invalid('an ID token', 'RS256', typed('JWT', { nonce: 'n', at_hash: 'h', auth_time: NOW, scope: undefined, client_id: undefined }));
invalid('a logout token', 'RS256', typed('logout+jwt', { events, sid: 's' }));
invalid('a security event token', 'RS256', typed('secevent+jwt', { events }));
invalid('a DPoP proof', 'RS256', assemble(header('RS256', { typ: 'dpop+jwt', jwk: publicJwk('RS256') }), claims({ htm: 'GET', htu: AUDIENCE }), signer('RS256')));
invalid('an introspection response', 'RS256', typed('token-introspection+jwt', { token_introspection: { active: true, sub: 'user-1' } }));
invalid('a client assertion', 'RS256', typed('client-authentication+jwt', { sub: 'client-1' }));
for (const typ of ['JWT', 'rt+jwt', 'oauth-authz-req+jwt', 'kb+jwt', 'entity-statement+jwt', 'at+jwt ', 'x/at+jwt', 'application/application/at+jwt', '', null, 1, ['at+jwt'], undefined]) {
  invalid(`typ ${typ === undefined ? 'missing' : JSON.stringify(typ)}`, 'RS256', typed(typ));
}
invalid('cty JWT over a token inside', 'RS256', assemble(header('RS256', { cty: 'JWT' }), await sign('RS256', key), signer('RS256')));
invalid('cty JWT over claims', 'RS256', assemble(header('RS256', { cty: 'JWT' }), claims(), signer('RS256')));

// Encrypted tokens and the JSON serialization
const encrypt = (plain, more) => new jose.CompactEncrypt(Buffer.from(plain))
  .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', typ: 'at+jwt', kid: 'rs256', ...more }).encrypt(keys.RS256.publicKey);
invalid('JWE to our key', 'RSA-OAEP-256', await encrypt(JSON.stringify(claims())));
invalid('JWE to our key over a signed token', 'RSA-OAEP-256', await encrypt(await sign('RS256', key), { cty: 'JWT' }));
invalid('JWE whose header says RS256', 'RS256', `${first}${(await encrypt(JSON.stringify(claims()))).replace(/^[^.]+/, '')}`);
const flattened = await new jose.FlattenedSign(Buffer.from(body)).setProtectedHeader(header('RS256')).sign(key);
invalid('flattened JSON', 'RS256', JSON.stringify(flattened));
invalid('general JSON', 'RS256', JSON.stringify({ payload: flattened.payload, signatures: [{ protected: flattened.protected, signature: flattened.signature }] }));
invalid('alg in the unprotected header', 'RS256', JSON.stringify({ ...flattened, protected: b64('{"typ":"at+jwt"}'), header: { alg: 'RS256', kid: 'rs256' } }));

// Long and deeply nested tokens
invalid('ten thousand dots', 'none', '.'.repeat(10_000));
invalid('four segments', 'RS256', `${assemble(header('RS256'), claims(), signer('RS256'))}.e30`);
invalid('a token of 40 KB', 'RS256', await sign('RS256', key, { padding: 'x'.repeat(30_000) }));
const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
invalid('ten thousand brackets in a claim', 'RS256', assemble(header('RS256'), body.replace(/}$/, `,"deep":${deep}}`), signer('RS256')));
invalid('ten thousand brackets in the header', 'RS256', assemble(`{"alg":"RS256","typ":"at+jwt","kid":"rs256","deep":${deep}}`, claims(), signer('RS256')));
invalid('ten thousand brackets never closed', 'RS256', assemble(header('RS256'), body.replace(/}$/, `,"deep":${'['.repeat(10_000)}`), signer('RS256')));

// Other base64 forms of a token
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const withTrailingBit = (segment) => segment.slice(0, -1) + alphabet[alphabet.indexOf(segment.at(-1)) | 1];
// An RS256 token with '-' or '_' in its signature, so that the standard base64 alphabet encodes it differently.
let parts;
do parts = assemble(header('RS256'), claims(), signer('RS256')).split('.'); while (!/[-_]/.test(parts[2]));
const [h, p, s] = parts;
const signed = (head, payload) => `${head}.${payload}.${b64(signer('RS256')(`${head}.${payload}`))}`;
// Pads text so that its last base64 character has unused bits.
const withUnusedBits = (text) => b64(`${text}${' '.repeat((4 - (Buffer.byteLength(text) % 3)) % 3)}`);
for (const [name, token] of Object.entries({
  'padding after the signature': `${h}.${p}.${s}==`,
  'padding after the claims': signed(h, `${withUnusedBits(body)}==`),
  'padding after the header': signed(`${withUnusedBits(JSON.stringify(header('RS256')))}==`, p),
  'the standard base64 alphabet in the signature': `${h}.${p}.${s.replaceAll('-', '+').replaceAll('_', '/')}`,
  'trailing bits in the signature': `${h}.${p}.${withTrailingBit(s)}`,
  'trailing bits in the claims': signed(h, withTrailingBit(withUnusedBits(body))),
  'trailing bits in the header': signed(withTrailingBit(withUnusedBits(JSON.stringify(header('RS256')))), p),
  'a byte after the signature': `${h}.${p}.${b64(Buffer.concat([Buffer.from(s, 'base64url'), Buffer.alloc(1)]))}`,
  'a byte before the signature': `${h}.${p}.${b64(Buffer.concat([Buffer.alloc(1), Buffer.from(s, 'base64url')]))}`,
  'a character after the signature': `${h}.${p}.${s}A`,
  'a question mark in the signature': `${h}.${p}.${s.slice(0, 9)}?${s.slice(9)}`,
  'a space in the signature': `${h}.${p}.${s.slice(0, 9)} ${s.slice(9)}`,
  'a space before the signature': `${h}.${p}. ${s}`,
  'a tab in the claims': `${h}.${p.slice(0, 9)}\t${p.slice(9)}.${s}`,
  'a dot at the end': `${h}.${p}.${s}.`,
})) invalid(name, 'RS256', token);

// Text that is not UTF-8, and JSON that is not an object
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
})) invalid(name, 'RS256', assemble(header('RS256'), payload, signer('RS256')));
invalid('a BOM before the header', 'RS256', assemble(`\ufeff${JSON.stringify(header('RS256'))}`, claims(), signer('RS256')));
for (const [name, payload] of Object.entries({
  'an array': `[${body}]`, 'a string': JSON.stringify(body), null: 'null', empty: '', 'an object and more': `${body}{}`, 'an object and a NUL': `${body}\0`,
  'an unfinished object': body.slice(0, -1), 'a trailing comma': body.replace(/}$/, ',}'), 'a comment': `/**/${body}`,
})) invalid(`claims are ${name}`, 'RS256', assemble(header('RS256'), payload, signer('RS256')));
for (const [name, text] of Object.entries({ 'an array': '[]', 'a string': '"RS256"', null: 'null', empty: '', 'an object and more': `${JSON.stringify(header('RS256'))}{}` })) {
  invalid(`the header is ${name}`, 'RS256', assemble(text, claims(), signer('RS256')));
}

// Tokens bound to a key of the sender
const thumbprint = await jose.calculateJwkThumbprint(publicJwk('ES256'));
for (const [name, cnf] of Object.entries({
  'a jkt': { jkt: thumbprint }, 'an x5t#S256': { 'x5t#S256': thumbprint }, 'a jwk': { jwk: publicJwk('ES256') }, 'a kid': { kid: 'k' }, 'a new method': { 'x-new': 'y' },
  'empty': {}, 'a jkt that is a number': { jkt: 1 }, 'a string': thumbprint, 'an array': [{ jkt: thumbprint }], true: true,
})) invalid(`cnf is ${name}`, 'RS256', await sign('RS256', key, { cnf }));

process.stdout.write(`${JSON.stringify({
  now: NOW,
  issuer: ISSUER,
  audience: AUDIENCE,
  secrets: Object.fromEntries(Object.entries(secrets).map(([alg, secret]) => [alg, b64(secret)])),
  pem: Object.fromEntries([...PEMS, ...OPT_IN].map((alg) => [alg, spki(alg, 'pem')])),
  jwks: { keys: Object.keys(KEY_TYPES).map((alg) => ({ ...publicJwk(alg), kid: alg.toLowerCase(), alg, use: 'sig' })) },
  'jwks:without-alg': { keys: [{ ...publicJwk('WITHOUT_ALG'), kid: 'without-alg', use: 'sig' }] },
  tokens,
})}\n`);
