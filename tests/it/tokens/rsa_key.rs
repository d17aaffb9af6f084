//! `RsaKey`: an RSA key that signs with any padding scheme, or without one.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RsaEncoding, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use serde_json::{Value, json};

use crate::support::tokens::base64url;

/// One key for all tests, because generating a key is slow.
pub(super) static KEY: LazyLock<RsaKey> = LazyLock::new(RsaKey::generate);

pub(super) struct RsaKey {
    pair: RsaKeyPair,
    modulus: BigUint,
    private_exponent: BigUint,
}

impl RsaKey {
    fn generate() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        // RFC 5208 §5: version, algorithm, then the RSAPrivateKey of RFC 8017 A.1.2: version, n, e, d, ...
        let mut outer = take_content(&mut pkcs8.as_ref());
        take_content(&mut outer);
        take_content(&mut outer);
        let mut inner = take_content(&mut take_content(&mut outer));
        let numbers: Vec<BigUint> = (0..4).map(|_| BigUint::from_bytes_be(take_content(&mut inner))).collect();
        Self { pair, modulus: numbers[1].clone(), private_exponent: numbers[3].clone() }
    }

    /// The public key as a JWK, with these members added or replaced.
    pub(super) fn jwk(&self, more: Value) -> Value {
        let mut jwk = json!({"kty": "RSA", "n": base64url(self.modulus.to_bytes_be()), "e": "AQAB", "kid": "rsa"});
        let Value::Object(more) = more else { panic!("not an object: {more}") };
        jwk.as_object_mut().unwrap().extend(more);
        jwk
    }

    pub(super) fn modulus(&self) -> Vec<u8> {
        self.modulus.to_bytes_be()
    }

    pub(super) fn der(&self) -> Vec<u8> {
        AsDer::<PublicKeyX509Der<'_>>::as_der(self.pair.public_key()).unwrap().as_ref().to_vec()
    }

    /// The public key as PEM, with these line endings.
    pub(super) fn pem(&self, newline: &str) -> String {
        let base64 = STANDARD.encode(self.der());
        let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let body = lines.join(newline);
        format!("-----BEGIN PUBLIC KEY-----{newline}{body}{newline}-----END PUBLIC KEY-----{newline}")
    }

    /// A token that is signed with this scheme, whatever `alg` its header has.
    pub(super) fn sign(&self, scheme: &'static dyn RsaEncoding, header: &Value, claims: &Value) -> String {
        let signing_input = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(scheme, &SystemRandom::new(), signing_input.as_bytes(), &mut signature).unwrap();
        format!("{signing_input}.{}", base64url(signature))
    }

    /// The RSA private-key operation on this block of 256 bytes, without padding (RFC 8017 §5.2.1).
    pub(super) fn sign_block(&self, block: &[u8]) -> Vec<u8> {
        let signature = BigUint::from_bytes_be(block).modpow(&self.private_exponent, &self.modulus).to_bytes_be();
        [vec![0; 256 - signature.len()], signature].concat()
    }
}

/// Takes the DER item at the start of `input` and returns its content.
fn take_content<'a>(input: &mut &'a [u8]) -> &'a [u8] {
    let (content_len, header_len) = match input[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        long => {
            let count = usize::from(long & 0x7f);
            (input[2..2 + count].iter().fold(0, |len, byte| len * 256 + usize::from(*byte)), 2 + count)
        }
    };
    let (item, rest) = input.split_at(header_len + content_len);
    *input = rest;
    &item[header_len..]
}
