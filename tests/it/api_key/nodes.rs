//! Two processes that share a store, and revocations by a stream in Redis.

use portcullis::Revocations;
use portcullis::context::Credential;
use tokio::time::timeout;
use tower::ServiceExt;

use super::*;
use crate::support::redis_server::Server;

/// The time within which another process must reject a revoked key.
const ONE_SECOND: Duration = SECOND;

/// Two processes, and the handles of their revocations.
struct Nodes {
    _server: Server,
    apps: [Fixture; 2],
    revocations: [Revocations; 2],
}

impl Nodes {
    async fn start() -> Self {
        let server = Server::start();
        let store = TestStore::default();
        let clock = FakeClock::new();
        // The stream has the time of the server.
        clock.set_wall(UNIX_EPOCH + Duration::from_secs(UNIX_EPOCH.elapsed().unwrap().as_secs() - 60));
        let handle = || Revocations::builder().redis_stream(&server.url()).build().unwrap();
        let revocations = [handle(), handle()];
        for handle in &revocations {
            timeout(MINUTE, handle.wait_until_ready()).await.expect("the node is ready");
        }
        let app = |handle| Fixture::of(store.clone(), clock.clone(), |builder| builder.revocations(handle));
        let apps = revocations.each_ref().map(app);
        Self { _server: server, apps, revocations }
    }

    async fn statuses(&self, key: &ApiKey) -> [u16; 2] {
        [self.apps[0].status(key.secret()).await, self.apps[1].status(key.secret()).await]
    }

    /// Waits until the second process knows that a key was revoked.
    async fn wait_until_second_rejects(&self, key: &ApiKey) {
        let user = UserContext::new("ann").with_issuer("https://id.example.com");
        let user = user.with_credential(Credential::ApiKey).with_token_id(key.id().as_str());
        let user = user.with_issued_at(key.record().created_at());
        let rejects = async {
            while self.revocations[1].check(&user).is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(ONE_SECOND, rejects).await.expect("revoked within a second");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn revoked_key_is_401_in_every_process_within_a_second_although_it_is_cached() {
    let nodes = Nodes::start().await;
    let (key, other) = (nodes.apps[0].create().await, nodes.apps[0].create().await);
    assert_eq!(nodes.statuses(&key).await, [200, 200]);
    assert_eq!(nodes.statuses(&other).await, [200, 200]);
    let finds = nodes.apps[0].store.finds();
    assert!(nodes.apps[0].keys.revoke(key.id()).await.unwrap());
    assert_eq!(nodes.apps[0].status(key.secret()).await, 401);
    nodes.wait_until_second_rejects(&key).await;
    let revoking_finds = nodes.apps[0].store.finds() - finds;
    assert_eq!(nodes.statuses(&key).await, [401, 401]);
    assert_eq!(nodes.statuses(&other).await, [200, 200]);
    // The second process has not read the record again: it has the key cached for a minute.
    assert_eq!(nodes.apps[0].store.finds() - finds - revoking_finds, 0);
    nodes.apps[1].clock.advance(MINUTE);
    assert_eq!(nodes.statuses(&key).await, [401, 401]);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn read_in_another_process_that_began_before_a_revocation_and_ends_after_it_fills_no_cache() {
    let nodes = Nodes::start().await;
    let key = nodes.apps[0].create().await;
    let permits = nodes.apps[1].store.hold();
    let waiting = tokio::spawn(nodes.apps[1].app.clone().oneshot(request(key.secret())));
    // The second process has read the record as valid, and its store has not responded yet.
    nodes.apps[1].store.wait_for_finds(1).await;
    nodes.apps[1].store.release();
    assert!(nodes.apps[0].keys.revoke(key.id()).await.unwrap());
    nodes.wait_until_second_rejects(&key).await;
    permits.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap().status(), 401);
    for _ in 0..3 {
        assert_eq!((nodes.statuses(&key).await, nodes.apps[1].handled()), ([401, 401], 0));
        nodes.apps[1].clock.advance(MINUTE);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn logout_everywhere_ends_the_keys_of_a_user_in_every_process_for_ever() {
    let nodes = Nodes::start().await;
    let key = nodes.apps[0].create().await;
    assert_eq!(nodes.statuses(&key).await, [200, 200]);
    nodes.revocations[0].revoke_all(&ann()).await.unwrap();
    assert_eq!(nodes.apps[0].status(key.secret()).await, 401);
    nodes.wait_until_second_rejects(&key).await;
    assert_eq!(nodes.statuses(&key).await, [401, 401]);
    // A process that knows nothing of the stream, as all do when the entry has expired.
    let store = nodes.apps[0].store.clone();
    let later = Fixture::of(store, nodes.apps[0].clock.clone(), |builder| builder);
    assert_eq!(later.status(key.secret()).await, 401);
}
