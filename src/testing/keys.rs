//! `SigningKey`: the keys that test tokens are signed with.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING,
    ML_DSA_87_SIGNING, PqdsaKeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::jwt::algorithm::Algorithm;
use crate::jwt::keys::public_key::PublicKey;
use crate::jwt::keys::weak::without_leading_zeros;

/// A private key or shared secret for one algorithm.
pub(super) struct SigningKey {
    pub(super) algorithm: Algorithm,
    pub(super) kid: String,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac(Box<hmac::Key>),
    MlDsa(PqdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl SigningKey {
    /// Generates a key.
    ///
    /// # Panics
    ///
    /// Panics if the algorithm needs a shared secret, which an issuer cannot publish.
    pub(super) fn generate(algorithm: Algorithm, kid: String) -> Self {
        let rsa = |encoding| Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect(GENERATED), encoding);
        let ecdsa = |scheme| Pair::Ecdsa(EcdsaKeyPair::generate(scheme).expect(GENERATED));
        let ml_dsa = |scheme| Pair::MlDsa(PqdsaKeyPair::generate(scheme).expect(GENERATED));
        let pair = match algorithm {
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::generate().expect(GENERATED)),
            Algorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es256k => ecdsa(&ECDSA_P256K1_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::Es512 => ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::MlDsa44 => ml_dsa(&ML_DSA_44_SIGNING),
            Algorithm::MlDsa65 => ml_dsa(&ML_DSA_65_SIGNING),
            Algorithm::MlDsa87 => ml_dsa(&ML_DSA_87_SIGNING),
            Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
            Algorithm::Ps384 => rsa(&RSA_PSS_SHA384),
            Algorithm::Ps512 => rsa(&RSA_PSS_SHA512),
            Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
            Algorithm::Rs384 => rsa(&RSA_PKCS1_SHA384),
            Algorithm::Rs512 => rsa(&RSA_PKCS1_SHA512),
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                panic!("an issuer cannot publish a shared secret: {}", algorithm.name())
            }
        };
        Self { algorithm, kid, pair }
    }

    /// Returns this shared secret as a key for HS256.
    pub(super) fn hs256(secret: &[u8]) -> Self {
        let pair = Pair::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)));
        Self { algorithm: Algorithm::Hs256, kid: "secret".to_owned(), pair }
    }

    /// Returns the JWS signature of this signing input.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, message).expect(SIGNED).as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
            Pair::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut signature).expect(SIGNED);
                signature
            }
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).expect(SIGNED);
                signature
            }
        }
    }

    /// Returns the public key as a JWK (RFC 7517), or null for a shared secret.
    pub(super) fn jwk(&self) -> Value {
        let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Ecdsa(pair) => {
                let point = pair.public_key().as_ref();
                // An uncompressed point is the byte 4, then two coordinates of equal length (SEC 1 §2.3.3).
                let (x, y) = point[1..].split_at(point.len() / 2);
                let curve = match self.algorithm {
                    Algorithm::Es256 => "P-256",
                    Algorithm::Es256k => "secp256k1",
                    Algorithm::Es384 => "P-384",
                    _ => "P-521",
                };
                json!({"kty": "EC", "crv": curve, "x": base64(x), "y": base64(y)})
            }
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64(pair.public_key().as_ref())})
            }
            Pair::Hmac(_) => return Value::Null,
            Pair::MlDsa(pair) => json!({"kty": "AKP", "pub": base64(pair.public_key().as_ref())}),
            Pair::Rsa(pair, _) => {
                let public = PublicKey::from_pkcs1(pair.public_key().as_ref()).expect("a generated key");
                let PublicKey::Rsa { modulus, exponent, .. } = public else { return Value::Null };
                // RFC 7518 §6.3.1.1: without the zero of the signed integer.
                let modulus = without_leading_zeros(&modulus);
                json!({"kty": "RSA", "n": base64(modulus), "e": base64(&exponent)})
            }
        };
        jwk["kid"] = self.kid.as_str().into();
        jwk["alg"] = self.algorithm.name().into();
        jwk["use"] = "sig".into();
        jwk
    }
}

const GENERATED: &str = "the system provides random bytes for a key";
const SIGNED: &str = "a generated key can sign";
