//! Tokens without `jti` and `sid`, which are revoked by what their signature covers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use num_bigint::BigUint;
use portcullis::clock::Clock;
use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth, Profile, Revocations};

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{AUDIENCE, base64url};

/// The order of the group of the curve P-256 (FIPS 186-5).
const P256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
/// That of secp256k1 (SEC 2).
const SECP256K1: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// The same token with `s` of its ECDSA signature replaced by `n - s`, which anyone can compute.
fn with_negated_s(token: &str, order: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (r, s) = signature.split_at(32);
    let order = BigUint::parse_bytes(order.as_bytes(), 16).unwrap();
    let negated = (order - BigUint::from_bytes_be(s)).to_bytes_be();
    let padding = vec![0; 32 - negated.len()];
    format!("{signed}.{}", base64url([r, &padding, &negated].concat()))
}

// aws-lc accepts both signatures, for ES256 and for ES256K: neither RFC 7518 nor RFC 8812 requires the lower `s`.
#[tokio::test]
async fn revoked_token_without_an_id_is_401_with_its_other_signature_too() {
    for (algorithm, order) in [(Algorithm::Es256, P256), (Algorithm::Es256k, SECP256K1)] {
        let issuer = TestIssuer::start_with(algorithm, Clock::system()).await.unwrap();
        let revocations = Revocations::builder().build().unwrap();
        let app = || {
            let trusted = Issuer::jwks_document(issuer.url(), issuer.jwks()).profile(Profile::Compatible);
            let trusted = trusted.algorithms([algorithm]);
            let auth = JwtAuth::builder().issuer(trusted).audience(AUDIENCE).revocations(&revocations);
            ProtectedApp::behind(auth.build().unwrap())
        };
        let (first_app, second_app) = (app(), app());
        let revoked = issuer.token("ann").audience(AUDIENCE).without_claim("jti");
        let other = revoked.clone().claim("name", "Ann").sign();
        let revoked = revoked.sign();
        let variant = with_negated_s(&revoked, order);
        assert_ne!(revoked, variant);
        for token in [&revoked, &variant, &other] {
            first_app.send_token(token).await.user();
        }
        let user = first_app.send_token(&revoked).await.user().clone();
        revocations.revoke(&user).await.unwrap();
        // The second app has cached neither.
        for app in [&first_app, &second_app] {
            app.send_token(&revoked).await.assert_invalid_token(TokenError::Revoked);
            app.send_token(&variant).await.assert_invalid_token(TokenError::Revoked);
            app.send_token(&other).await.user();
        }
    }
}
