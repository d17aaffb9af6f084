//! Keys of issuers: fetching, refreshing, rotation and failures, over a fake network and a fake clock.

mod age;
mod built_in_client;
mod discovery;
mod fetch_failures;
mod flood;
mod hints;
mod key_set;
mod multiple_issuers;
mod rotation;
mod runtime;
mod startup;
mod token_cache;
mod unknown_kid;

use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::{FakeClock, TestIssuer};
use portcullis::{Algorithm, Issuer, JwtAuth};

use crate::support::fake_network::FakeNetwork;
use crate::support::jwt_app::JwtApp;

/// An issuer, the network between it and an app, and the clock of both.
struct Fixture {
    issuer: TestIssuer,
    network: FakeNetwork,
    clock: FakeClock,
}

impl Fixture {
    async fn new() -> Self {
        Self::with_algorithm(Algorithm::Es256).await
    }

    async fn with_algorithm(algorithm: Algorithm) -> Self {
        let clock = FakeClock::new();
        let issuer = TestIssuer::start_with(algorithm, clock.clock()).await.unwrap();
        let network = FakeNetwork::serving_keys_of(&issuer);
        Self { issuer, network, clock }
    }

    /// A builder with this issuer, the fake network and the fake clock.
    fn builder(&self, issuer: Issuer) -> JwtAuthBuilder {
        JwtAuth::builder().issuer(issuer).audience("api").http_client(self.network.clone()).clock(self.clock.clock())
    }

    /// The settings that trust the issuer by the URL of its key set.
    fn jwks_issuer(&self) -> Issuer {
        Issuer::jwks(self.issuer.url(), self.issuer.jwks_url())
    }

    /// An app that has no keys yet.
    fn app(&self) -> JwtApp {
        JwtApp::new(self.builder(self.jwks_issuer()))
    }

    /// An app that has fetched the issuer's keys.
    async fn app_with_keys(&self) -> JwtApp {
        let app = self.app();
        assert!(app.auth.prefetch_keys().await);
        app
    }

    fn valid_token(&self) -> String {
        self.issuer.token("ann").audience("api").sign()
    }

    /// A valid token that does not expire within any test.
    fn long_lived_token(&self) -> String {
        self.issuer.token("ann").audience("api").expires_in(seconds(30.0 * 86_400.0)).sign()
    }

    /// A token that is valid except for its `kid`.
    fn token_with_kid(&self, kid: &str) -> String {
        self.issuer.token("eve").audience("api").header("kid", kid).sign()
    }

    fn advance(&self, time: f64) {
        self.clock.advance(seconds(time));
    }
}

fn seconds(seconds: f64) -> std::time::Duration {
    std::time::Duration::from_secs_f64(seconds)
}

/// Runs the background tasks until all of them are idle. None needs more turns than this.
async fn run_background_tasks() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
