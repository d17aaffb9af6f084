"""Prints one JSON document, as mint.mjs does, with tokens made by PyJWT, or by hand if PyJWT refuses to make an invalid one."""

import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.example.com"
AUDIENCE = "https://api.example.com"
NOW = int(time.time())
PEMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]


def new_rsa():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEYS = {alg: new_rsa() for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]}
KEYS["ES256"] = ec.generate_private_key(ec.SECP256R1())
KEYS["ES384"] = ec.generate_private_key(ec.SECP384R1())
KEYS["EdDSA"] = ed25519.Ed25519PrivateKey.generate()
# The algorithms that must be enabled by name.
OPT_IN = {
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "ES256K": ec.generate_private_key(ec.SECP256K1()),
    "ML-DSA-44": mldsa.MLDSA44PrivateKey.generate(),
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate(),
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate(),
}
SECRETS = {f"HS{bits}": secrets.token_bytes(bits // 8) for bits in (256, 384, 512)}
OTHER_KEY = new_rsa()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**changes):
    valid_claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "user-1",
        "client_id": "client-1",
        "jti": str(uuid.uuid4()),
        "iat": NOW,
        "exp": NOW + 300,
        "scope": "read:valuations",
    }
    return {name: value for name, value in {**valid_claims, **changes}.items() if value is not ...}


def header(alg, **changes):
    return {"typ": "at+jwt", "kid": alg.lower(), **changes}


def sign(alg="RS256", key=None, head=None, **changes):
    return jwt.encode(claims(**changes), key or KEYS[alg], algorithm=alg, headers=head or header(alg))


def sign_opt_in(alg, key_name=None):
    """PyJWT has no ML-DSA, so these tokens are assembled here."""
    key_name = key_name or alg
    if not alg.startswith("ML-DSA"):
        return sign(alg, OPT_IN[key_name])
    head = json.dumps({"alg": alg, **header(key_name)}).encode()
    signing_input = f"{b64(head)}.{b64(json.dumps(claims()).encode())}"
    return f"{signing_input}.{b64(OPT_IN[key_name].sign(signing_input.encode()))}"


def pem(alg):
    key = KEYS.get(alg) or OPT_IN[alg]
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def opt_in_jwk(alg):
    key = OPT_IN[alg].public_key()
    if alg.startswith("ML-DSA"):
        jwk = {"kty": "AKP", "pub": b64(key.public_bytes_raw())}
    else:
        jwk = ECAlgorithm.to_jwk(key, as_dict=True)
    return {**jwk, "kid": alg.lower(), "alg": alg}


def public_jwk(alg):
    family = {"R": RSAAlgorithm, "P": RSAAlgorithm, "ES": ECAlgorithm, "Ed": OKPAlgorithm}
    to_jwk = (family.get(alg[0]) or family[alg[:2]]).to_jwk
    jwk = to_jwk(KEYS[alg].public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": alg.lower(), "alg": alg, "use": "sig"}


TOKENS = []


def add(expect, name, alg, token, keys="jwks"):
    TOKENS.append({"name": name, "alg": alg, "keys": keys, "token": token, "expect": expect})


def valid(name, alg, make, keys="jwks"):
    try:
        add("accepted", name, alg, make(), keys)
    except (NotImplementedError, jwt.PyJWTError) as reason:
        print(f"skipped: {name}: {reason}", file=sys.stderr)


def invalid(name, alg, token, keys="jwks"):
    add("rejected", name, alg, token, keys)


for alg, secret in SECRETS.items():
    valid(f"valid {alg}", alg, lambda: sign(alg, secret, {"typ": "at+jwt"}), alg)
for alg in KEYS:
    valid(f"valid {alg}", alg, lambda: sign(alg))
for alg in PEMS:
    valid(f"valid {alg} under a PEM", alg, lambda: sign(alg), f"pem:{alg}")
for alg in OPT_IN:
    for keys in (f"pem:{alg}", "jwks:opt-in"):
        valid(f"valid {alg} under {keys}", alg, lambda: sign_opt_in(alg), keys)
invalid("ML-DSA-65 by the key for ML-DSA-44", "ML-DSA-65", sign_opt_in("ML-DSA-65", "ML-DSA-44"), "jwks:opt-in")
valid("exp with a fraction", "RS256", lambda: sign(exp=NOW + 300.5))
valid("aud is an array of ours and another", "RS256", lambda: sign(aud=["https://other.example.com", AUDIENCE]))
valid("no kid", "RS256", lambda: sign(head={"typ": "at+jwt"}))
valid("claims with escaped non-ASCII", "RS256", lambda: sign(name="Zoë 門 😀"))

invalid("alg none", "none", jwt.encode(claims(), None, algorithm="none", headers=header("RS256")))
# PyJWT does not accept a PEM as a secret, so the MAC is computed here.
for name, secret in {"PEM": pem("RS256"), "PEM without the last newline": pem("RS256").rstrip()}.items():
    head = json.dumps({"alg": "HS256", **header("RS256")}).encode()
    signing_input = f"{b64(head)}.{b64(json.dumps(claims()).encode())}"
    mac = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
    for keys in ("jwks", "pem:RS256"):
        invalid(f"HS256 keyed by the RS256 public key: {name}, under {keys}", "HS256", f"{signing_input}.{b64(mac)}", keys)
invalid("RS512 by the key registered for RS256", "RS512", sign("RS512", KEYS["RS256"], header("RS256")))
invalid("PS256 by the key registered for RS256", "PS256", sign("PS256", KEYS["RS256"], header("RS256")))
secp256k1_key = ec.generate_private_key(ec.SECP256K1())
invalid("ES256K under the kid of the ES256 key", "ES256K", sign("ES256K", secp256k1_key, header("ES256")))
embedded = {**RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True), "kid": "evil"}
invalid("self-signed with an embedded jwk", "RS256", sign(key=OTHER_KEY, head=header("RS256", kid="evil", jwk=embedded)))
invalid("crit is an unknown name", "RS256", sign(head=header("RS256", crit=["x-custom"], **{"x-custom": 1})))
detached = jwt.api_jws.encode(
    json.dumps(claims()).encode(), KEYS["RS256"], algorithm="RS256", headers=header("RS256"), is_payload_detached=True
)
invalid("b64 false, detached", "RS256", detached)
invalid("exp is a string", "RS256", sign(exp=str(NOW + 300)))
invalid("exp is NaN", "RS256", sign(exp=float("nan")))
invalid("exp is Infinity", "RS256", sign(exp=float("inf")))
invalid("exp missing", "RS256", sign(exp=...))
invalid("exp past", "RS256", sign(exp=NOW - 3600))
invalid("nbf in the future", "RS256", sign(nbf=NOW + 3600))
invalid("iat in the future", "RS256", sign(iat=NOW + 3600))
invalid("aud with a trailing slash", "RS256", sign(aud=f"{AUDIENCE}/"))
invalid("iss with a trailing slash", "RS256", sign(iss=f"{ISSUER}/"))
invalid("another key under a known kid", "RS256", sign(key=OTHER_KEY))
invalid("typ as set by PyJWT", "RS256", sign(head={"kid": "rs256"}))
invalid("a lone surrogate, escaped", "RS256", sign(name="\ud800"))
invalid("sub empty", "RS256", sign(sub=""))

document = {
    "now": NOW,
    "issuer": ISSUER,
    "audience": AUDIENCE,
    "secrets": {alg: b64(secret) for alg, secret in SECRETS.items()},
    "pem": {alg: pem(alg).decode() for alg in [*PEMS, *OPT_IN]},
    "jwks": {"keys": [public_jwk(alg) for alg in KEYS]},
    "jwks:opt-in": {"keys": [opt_in_jwk(alg) for alg in OPT_IN]},
    "tokens": TOKENS,
}
print(json.dumps(document))
