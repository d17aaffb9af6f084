//! `ApiKeyAuth` with a store that counts its calls, fails, and waits as a test says.

mod any_of;
mod checking;
mod config;
mod flood;
mod logout;
mod lookups;
mod managing;
mod nodes;
mod presenting;
mod privileges;
mod quota;
mod redis;
mod revoking;
mod rotation;
mod secrets;
pub(crate) mod store_contract;
mod usage;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Request};
use axum::routing::any;
use portcullis::StoreError;
use portcullis::api_key::{
    ApiKey, ApiKeyAuthBuilder, ApiKeyId, ApiKeyRecord, ApiKeyStore, ApiKeyUsage, MemoryKeys, NewApiKey,
};
use portcullis::testing::FakeClock;
use portcullis::{ApiKeyAuth, Scopes, UserContext};
use tokio::sync::Semaphore;

use crate::support::response::TestResponse;

/// An app whose routes need a key, its store and its clock.
struct Fixture {
    clock: FakeClock,
    store: TestStore,
    keys: ApiKeyAuth,
    app: Router,
    handled: Arc<AtomicUsize>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(change: impl FnOnce(ApiKeyAuthBuilder) -> ApiKeyAuthBuilder) -> Self {
        Self::of(TestStore::default(), fake_clock(), change)
    }

    /// Another process with the same store and clock.
    fn of(store: TestStore, clock: FakeClock, change: impl FnOnce(ApiKeyAuthBuilder) -> ApiKeyAuthBuilder) -> Self {
        let builder = ApiKeyAuth::builder().prefix("acme_live").header(API_KEY);
        let keys = change(builder.store(store.clone()).clock(clock.clock())).build().unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&handled);
        let handler = move |user: Option<UserContext>| {
            count.fetch_add(1, SeqCst);
            async move { user.map_or("anonymous".to_owned(), |user| user.id().to_owned()) }
        };
        let app = Router::new().route("/", any(handler)).layer(keys.clone());
        Self { clock, store, keys, app, handled }
    }

    /// Creates a key of `ann`.
    async fn create(&self) -> ApiKey {
        self.keys.create(NewApiKey::for_user(&ann()).name("ci").scopes(["read"])).await.unwrap()
    }

    async fn send(&self, headers: &[(&str, &str)]) -> TestResponse {
        TestResponse::get(&self.app, "/", headers).await
    }

    /// Sends a key after `ApiKey`.
    async fn send_key(&self, text: &str) -> TestResponse {
        self.send(&[("authorization", &format!("ApiKey {text}"))]).await
    }

    /// The status of a request with this key.
    async fn status(&self, text: &str) -> u16 {
        self.send_key(text).await.status.as_u16()
    }

    /// The number of calls of the handler.
    fn handled(&self) -> usize {
        self.handled.load(SeqCst)
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + self.clock.clock().since_epoch()
    }
}

/// A store that counts its calls, fails, and waits as a test says.
#[derive(Clone, Default)]
struct TestStore(Arc<Shared>);

#[derive(Default)]
struct Shared {
    keys: MemoryKeys,
    finds: AtomicUsize,
    is_down: AtomicBool,
    /// Whether the app has deleted all records.
    is_emptied: AtomicBool,
    /// If set, each `find` waits for a permit after it has read the record.
    permits: Mutex<Option<Arc<Semaphore>>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
    batches: Mutex<Vec<Vec<ApiKeyUsage>>>,
}

impl TestStore {
    fn finds(&self) -> usize {
        self.0.finds.load(SeqCst)
    }

    fn set_down(&self, is_down: bool) {
        self.0.is_down.store(is_down, SeqCst);
    }

    fn set_empty(&self, is_empty: bool) {
        self.0.is_emptied.store(is_empty, SeqCst);
    }

    /// Lets each `find` wait until the test adds a permit.
    fn hold(&self) -> Arc<Semaphore> {
        let permits = Arc::new(Semaphore::new(0));
        *self.0.permits.lock().unwrap() = Some(Arc::clone(&permits));
        permits
    }

    fn release(&self) {
        *self.0.permits.lock().unwrap() = None;
    }

    /// Waits until this number of `find` calls have started.
    async fn wait_for_finds(&self, finds: usize) {
        while self.finds() < finds {
            tokio::task::yield_now().await;
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        let is_down = self.0.is_down.load(SeqCst);
        if is_down { Err(StoreError::unavailable("connection refused")) } else { Ok(()) }
    }
}

impl ApiKeyStore for TestStore {
    async fn find(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        let running = self.0.running.fetch_add(1, SeqCst) + 1;
        self.0.most_running.fetch_max(running, SeqCst);
        let record = self.0.keys.find(id).await;
        self.0.finds.fetch_add(1, SeqCst);
        let permits = self.0.permits.lock().unwrap().clone();
        if let Some(permits) = permits {
            permits.acquire().await.unwrap().forget();
        }
        self.0.running.fetch_sub(1, SeqCst);
        self.check()?;
        if self.0.is_emptied.load(SeqCst) { Ok(None) } else { record }
    }

    async fn find_by_owner(&self, issuer: Option<&str>, id: &str) -> Result<Vec<ApiKeyRecord>, StoreError> {
        self.check()?;
        self.0.keys.find_by_owner(issuer, id).await
    }

    async fn save(&self, record: &ApiKeyRecord) -> Result<(), StoreError> {
        self.check()?;
        self.0.keys.save(record).await
    }

    async fn record_usage(&self, usage: &[ApiKeyUsage]) -> Result<(), StoreError> {
        self.check()?;
        self.0.batches.lock().unwrap().push(usage.to_vec());
        self.0.keys.record_usage(usage).await
    }
}

/// A clock at a whole second, as times are stored.
fn fake_clock() -> FakeClock {
    let clock = FakeClock::new();
    clock.set_wall(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    clock
}

fn ann() -> UserContext {
    UserContext::new("ann").with_issuer("https://id.example.com").with_scopes(Scopes::new(["read", "write"]).unwrap())
}

/// A well-formed key of an id that does not exist.
fn unknown_key(number: u32) -> String {
    with_checksum(&format!("acme_live_{number:012}{}", "s".repeat(32)))
}

/// Adds the checksum, as this text must have it.
fn with_checksum(text: &str) -> String {
    static TABLE: LazyLock<[u32; 256]> = LazyLock::new(|| {
        let step = |crc: u32| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        std::array::from_fn(|byte| (0..8).fold(byte as u32, |crc, _| step(crc)))
    });
    let crc = text.bytes().fold(!0_u32, |crc, byte| (crc >> 8) ^ TABLE[usize::from(crc as u8 ^ byte)]);
    let mut number = !crc;
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(number % 62) as usize] as char);
        number /= 62;
    }
    text.chars().chain(digits.into_iter().rev()).collect()
}

/// The same key with another secret.
fn with_wrong_secret(key: &ApiKey) -> String {
    with_checksum(&format!("acme_live_{}{}", key.id(), "0".repeat(32)))
}

fn request(text: &str) -> Request<Body> {
    Request::get("/").header("authorization", format!("ApiKey {text}")).body(Body::empty()).unwrap()
}

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
