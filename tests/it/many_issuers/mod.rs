//! Many issuers, which are found by a pattern or by a function, over a fake network and a fake clock.

mod config;
mod eviction;
mod flood;
mod function;
mod pattern;
mod sharing;

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Response;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::{FakeClock, TestIssuer, TokenBuilder};
use portcullis::{Algorithm, Issuer, Issuers, JwtAuth};
use serde_json::json;

use crate::support::fake_network::{FakeNetwork, empty_response};
use crate::support::jwt_app::JwtApp;

const PATTERN: &str = "https://id.example.com/realms/{realm}";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The name of a realm of the server.
fn realm(name: &str) -> String {
    format!("https://id.example.com/realms/{name}")
}

/// A server with realms, each of which has a key set of its own, and an app that trusts all of them.
struct Server {
    network: FakeNetwork,
    clock: FakeClock,
    realms: Arc<Mutex<Vec<(String, TestIssuer)>>>,
    app: JwtApp,
}

impl Server {
    async fn with_realms(names: &[&str]) -> Self {
        Self::start(names, |realms| realms).await
    }

    async fn start(names: &[&str], configure: impl FnOnce(Issuers) -> Issuers) -> Self {
        let clock = FakeClock::new();
        let mut realms = Vec::new();
        for name in names {
            let signer = TestIssuer::start_with(Algorithm::Es256, clock.clock()).await.unwrap();
            realms.push((realm(name), signer));
        }
        let realms = Arc::new(Mutex::new(realms));
        let network = FakeNetwork::serving_keys_of(&TestIssuer::start().await.unwrap());
        let served = Arc::clone(&realms);
        network.respond_with(move |url| respond(&served.lock().unwrap(), url));
        let issuers = configure(Issuers::from_pattern(PATTERN));
        let builder = JwtAuth::builder().add_issuers(issuers).audience("api");
        let app = JwtApp::new(builder.http_client(network.clone()).clock(clock.clock()));
        Self { network, clock, realms, app }
    }

    /// A valid token of this realm.
    fn token(&self, name: &str) -> String {
        self.token_builder(name).sign()
    }

    fn token_builder(&self, name: &str) -> TokenBuilder {
        let realms = self.realms.lock().unwrap();
        let (iss, signer) = realms.iter().find(|(iss, _)| *iss == realm(name)).unwrap();
        signer.token("ann").audience("api").claim("iss", iss.as_str()).expires_in(seconds(86_400))
    }

    /// A token of the first realm's key with this `iss`.
    fn token_with_iss(&self, iss: &str) -> String {
        let (_, signer) = &self.realms.lock().unwrap()[0];
        signer.token("eve").audience("api").claim("iss", iss).expires_in(seconds(86_400)).sign()
    }

    fn remove_realm(&self, name: &str) {
        self.realms.lock().unwrap().retain(|(iss, _)| *iss != realm(name));
    }
}

/// Serves the metadata of each realm below its URL, as OpenID Connect Discovery does, and its keys.
fn respond(realms: &[(String, TestIssuer)], url: &str) -> Response<Vec<u8>> {
    for (iss, signer) in realms {
        if url == format!("{iss}/.well-known/openid-configuration") {
            let metadata = json!({ "issuer": iss, "jwks_uri": format!("{iss}/keys") });
            return Response::new(metadata.to_string().into_bytes());
        }
        if url == format!("{iss}/keys") {
            return Response::new(signer.jwks().into_bytes());
        }
    }
    empty_response(404)
}

/// A secret for each tenant.
fn secret_of(iss: &str) -> [u8; 32] {
    let mut secret = [7; 32];
    let last = iss.as_bytes();
    for (byte, char) in secret.iter_mut().zip(last.iter().rev()) {
        *byte = *char;
    }
    secret
}

/// A valid token of this tenant, signed with its secret.
fn tenant_token(iss: &str) -> String {
    tenant_token_builder(iss).sign()
}

fn tenant_token_builder(iss: &str) -> TokenBuilder {
    TokenBuilder::first_party(iss, secret_of(iss), "ann").audience("api").expires_in(seconds(86_400))
}

/// A layer whose function counts its calls.
struct Function {
    clock: FakeClock,
    calls: Arc<AtomicUsize>,
    builder: JwtAuthBuilder,
}

impl Function {
    /// A function for names that begin with `https://`.
    fn new<Fut>(find: impl Fn(String) -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Option<Issuer>> + Send + 'static,
    {
        Self::configured(find, |issuers| issuers)
    }

    fn configured<Fut>(
        find: impl Fn(String) -> Fut + Send + Sync + 'static,
        configure: impl FnOnce(Issuers) -> Issuers,
    ) -> Self
    where
        Fut: Future<Output = Option<Issuer>> + Send + 'static,
    {
        let (clock, calls) = (FakeClock::new(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&calls);
        let issuers = Issuers::from_fn("https://", move |iss| {
            counter.fetch_add(1, Ordering::SeqCst);
            find(iss)
        });
        let builder = JwtAuth::builder().add_issuers(configure(issuers)).audience("api").clock(clock.clock());
        Self { clock, calls, builder }
    }

    fn app(&self) -> JwtApp {
        JwtApp::new(self.builder.clone())
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// The issuer of a tenant that signs with its own secret.
fn tenant(iss: String) -> Issuer {
    let secret = secret_of(&iss);
    Issuer::hs256(iss, secret)
}

/// Runs the background tasks until all of them are idle. None needs more turns than this.
async fn run_background_tasks() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
