//! `PrivateKey`: the key that signs client assertions (RFC 7523), from a JWK or a PEM.
//!
//! aws-lc-rs signs, as it verifies in `jwt`.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::introspection::client_auth::rsa_der::rsa_private_key;
use crate::strict_json::{Object, string};

/// A private key for one algorithm.
pub(super) struct PrivateKey {
    pair: Pair,
    /// The id by which the server finds the public key.
    kid: Option<String>,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa { pair: RsaKeyPair, encoding: &'static dyn RsaEncoding, alg: &'static str },
}

/// Why a text is not a usable private key. The texts continue "the private key ".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyFault {
    Format,
    Public,
    Unusable,
}

impl PrivateKey {
    /// Reads a JWK, or the first block of a PEM.
    ///
    /// # Errors
    ///
    /// Returns [`KeyFault`] if the text is no private key, or its type or size is not supported.
    pub(super) fn parse(text: &str) -> Result<Self, KeyFault> {
        if text.trim_start().starts_with('{') { Self::from_jwk(text) } else { Self::from_pem(text) }
    }

    fn from_pem(text: &str) -> Result<Self, KeyFault> {
        let block = pem::parse(text).map_err(|_| KeyFault::Format)?;
        let tag = block.tag().to_owned();
        let der = Zeroizing::new(block.into_contents());
        let pair = match tag.as_str() {
            // The type of the key is inside.
            "PRIVATE KEY" => {
                let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Pair::Ed25519);
                let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map(Pair::P256);
                let rsa = || RsaKeyPair::from_pkcs8(&der).map(rs256);
                ed25519().or_else(|_| p256()).or_else(|_| rsa())
            }
            "EC PRIVATE KEY" => {
                EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map(Pair::P256)
            }
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).map(rs256),
            "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => return Err(KeyFault::Public),
            _ => return Err(KeyFault::Format),
        };
        Ok(Self { pair: pair.map_err(|_| KeyFault::Unusable)?, kid: None })
    }

    fn from_jwk(text: &str) -> Result<Self, KeyFault> {
        let jwk = Object::parse(text).ok_or(KeyFault::Format)?;
        let text = |name| jwk.get(name).and_then(string);
        let bytes = |name| -> Result<Zeroizing<Vec<u8>>, KeyFault> {
            let encoded = text(name).ok_or(KeyFault::Unusable)?;
            URL_SAFE_NO_PAD.decode(&*encoded).map(Zeroizing::new).map_err(|_| KeyFault::Unusable)
        };
        // Without `d`, which all private keys have (RFC 7518 §6, RFC 8037 §2).
        if jwk.get("d").is_none() {
            return Err(KeyFault::Public);
        }
        let (kty, crv, alg) = (text("kty"), text("crv"), text("alg"));
        let is_alg = |expected: &[&str]| alg.as_deref().is_none_or(|alg| expected.contains(&alg));
        let pair = match (kty.as_deref(), crv.as_deref()) {
            (Some("EC"), Some("P-256")) if is_alg(&["ES256"]) => {
                let point = [&[UNCOMPRESSED], &**bytes("x")?, &**bytes("y")?].concat();
                let scheme = &ECDSA_P256_SHA256_FIXED_SIGNING;
                EcdsaKeyPair::from_private_key_and_public_key(scheme, &bytes("d")?, &point).map(Pair::P256)
            }
            (Some("OKP"), Some("Ed25519")) if is_alg(&["EdDSA", "Ed25519"]) => {
                Ed25519KeyPair::from_seed_and_public_key(&bytes("d")?, &bytes("x")?).map(Pair::Ed25519)
            }
            (Some("RSA"), _) if is_alg(&["RS256", "PS256"]) => {
                let numbers = ["n", "e", "d", "p", "q", "dp", "dq", "qi"].map(bytes);
                let numbers: Vec<_> = numbers.into_iter().collect::<Result<_, _>>()?;
                let pair = RsaKeyPair::from_der(&rsa_private_key(&numbers));
                if alg.as_deref() == Some("PS256") { pair.map(ps256) } else { pair.map(rs256) }
            }
            _ => return Err(KeyFault::Unusable),
        };
        let kid = text("kid").map(std::borrow::Cow::into_owned);
        Ok(Self { pair: pair.map_err(|_| KeyFault::Unusable)?, kid })
    }

    /// Returns a JWT with these claims. `None` if signing fails.
    pub(super) fn sign_jwt(&self, claims: &Value) -> Option<Zeroizing<String>> {
        let mut header = json!({ "alg": self.alg(), "typ": "JWT" });
        if let (Some(kid), Some(header)) = (&self.kid, header.as_object_mut()) {
            header.insert("kid".to_owned(), kid.as_str().into());
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut token = Zeroizing::new(format!("{}.{}", encode(&header), encode(claims)));
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Some(token)
    }

    fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(_) => "ES256",
            Pair::Rsa { alg, .. } => alg,
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
            Pair::P256(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Pair::Rsa { pair, encoding, .. } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

fn rs256(pair: RsaKeyPair) -> Pair {
    Pair::Rsa { pair, encoding: &RSA_PKCS1_SHA256, alg: "RS256" }
}

fn ps256(pair: RsaKeyPair) -> Pair {
    Pair::Rsa { pair, encoding: &RSA_PSS_SHA256, alg: "PS256" }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "is neither a JWK nor a PEM",
            Self::Public => "is a public key",
            Self::Unusable => "is malformed, or has an unsupported type, size or `alg`",
        })
    }
}

// Before the coordinates of a point (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests;
