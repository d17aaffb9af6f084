//! `Service`: two apps with the same revocations, one with and one without a token cache, and their issuer.

use portcullis::gate::TokenError;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::revocation::RevocationsBuilder;
use portcullis::testing::{FakeClock, TestIssuer, TokenBuilder};
use portcullis::{Algorithm, Issuer, JwtAuth, Profile, Revocations, UserContext};

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::AUDIENCE;

/// Everything is on one fake clock.
pub(super) struct Service {
    pub(super) clock: FakeClock,
    pub(super) issuer: TestIssuer,
    pub(super) revocations: Revocations,
    /// The second one verifies every token.
    apps: [ProtectedApp; 2],
}

impl Service {
    pub(super) async fn start() -> Self {
        Self::with(|revocations| revocations, |auth| auth).await
    }

    /// Changes the settings of the revocations and of the layers.
    pub(super) async fn with(
        change_revocations: impl Fn(RevocationsBuilder) -> RevocationsBuilder,
        change_auth: impl Fn(JwtAuthBuilder) -> JwtAuthBuilder,
    ) -> Self {
        let clock = FakeClock::new();
        let issuer = TestIssuer::start_with(Algorithm::EdDsa, clock.clock()).await.unwrap();
        let revocations = change_revocations(Revocations::builder().clock(clock.clock())).build().unwrap();
        let auth = |cached_tokens| {
            // RFC 9068 requires claims that many issuers omit.
            let trusted = Issuer::jwks_document(issuer.url(), issuer.jwks()).profile(Profile::Compatible);
            let auth = JwtAuth::builder().issuer(trusted).audience(AUDIENCE).clock(clock.clock());
            change_auth(auth.token_cache_capacity(cached_tokens).revocations(&revocations)).build().unwrap()
        };
        let apps = [4_096, 0].map(|cached_tokens| ProtectedApp::behind(auth(cached_tokens)));
        Self { clock, issuer, revocations, apps }
    }

    /// A token of this user, without a session.
    pub(super) fn token(&self, subject: &str) -> TokenBuilder {
        self.issuer.token(subject).audience(AUDIENCE)
    }

    /// Asserts that both apps admit the token, and returns its user.
    pub(super) async fn user(&self, token: &str) -> UserContext {
        self.apps[1].send_token(token).await.user();
        self.apps[0].send_token(token).await.user().clone()
    }

    /// Asserts that both apps reject the token as revoked.
    pub(super) async fn assert_revoked(&self, token: &str) {
        for app in &self.apps {
            app.send_token(token).await.assert_invalid_token(TokenError::Revoked);
        }
    }

    pub(super) async fn assert_rejected(&self, token: &str, error: TokenError) {
        for app in &self.apps {
            app.send_token(token).await.assert_invalid_token(error.clone());
        }
    }

    /// The fake time in whole seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        self.clock.clock().since_epoch().as_secs()
    }
}
