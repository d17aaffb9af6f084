//! Two processes that share a store in Redis, and revocations by a stream in Redis.

use portcullis::Revocations;
use portcullis::context::Credential;
use tokio::time::timeout;

use super::redis::Node;
use super::*;
use crate::support::redis_server::Server;

/// Two processes, the handles of their revocations, and their clock.
struct Nodes {
    server: Server,
    nodes: [Node; 2],
    revocations: [Revocations; 2],
    clock: FakeClock,
}

impl Nodes {
    async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(change: impl Fn(SessionAuthBuilder) -> SessionAuthBuilder) -> Self {
        let server = Server::start();
        let clock = FakeClock::new();
        // The stream has the time of the server.
        clock.set_wall(UNIX_EPOCH + Duration::from_secs(UNIX_EPOCH.elapsed().unwrap().as_secs()));
        let handle = || Revocations::builder().redis_stream(&server.url()).clock(clock.clock()).build().unwrap();
        let revocations = [handle(), handle()];
        for handle in &revocations {
            timeout(MINUTE, handle.wait_until_ready()).await.expect("the node is ready");
        }
        let nodes = revocations
            .each_ref()
            .map(|handle| Node::with(&server, clock.clone(), |builder| change(builder.revocations(handle))));
        Self { server, nodes, revocations, clock }
    }

    async fn statuses(&self, browser: &Browser) -> [u16; 2] {
        let [first, second] = &self.nodes;
        [browser.clone().me(&first.app).await, browser.clone().me(&second.app).await]
    }

    /// Waits until the second process rejects a session, whose record it has cached.
    async fn wait_until_second_rejects(&self, browser: &Browser) {
        let rejects = async {
            while browser.clone().me(&self.nodes[1].app).await == 200 {
                tokio::task::yield_now().await;
            }
        };
        timeout(SECOND, rejects).await.expect("rejected within a second");
    }

    /// Waits until the second process knows every revocation that was stored before.
    async fn wait_for_stream(&self) {
        let marker = portcullis::revocation::Revocation::api_key("marker");
        self.revocations[0].revoke_by(marker).await.unwrap();
        let user = UserContext::new("marker").with_credential(Credential::ApiKey).with_token_id("marker");
        let known = async {
            while self.revocations[1].check(&user).is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(SECOND, known).await.expect("known within a second");
    }

    fn finds(&self) -> u64 {
        self.server.calls().into_iter().filter(|(name, _)| name.starts_with("eval")).map(|(_, calls)| calls).sum()
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_logout_ends_the_session_in_every_process_within_a_second_although_it_is_cached() {
    let nodes = Nodes::start().await;
    let (browser, other) = (nodes.nodes[0].log_in().await, nodes.nodes[0].log_in().await);
    assert_eq!((nodes.statuses(&browser).await, nodes.statuses(&other).await), ([200, 200], [200, 200]));
    assert_eq!(browser.clone().post(&nodes.nodes[0].app, "/logout").await.status, 200);
    assert_eq!(browser.clone().me(&nodes.nodes[0].app).await, 401);
    nodes.wait_until_second_rejects(&browser).await;
    assert_eq!((nodes.statuses(&browser).await, nodes.statuses(&other).await), ([401, 401], [200, 200]));
    nodes.clock.advance(MINUTE);
    assert_eq!((nodes.statuses(&browser).await, nodes.statuses(&other).await), ([401, 401], [200, 200]));
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_slow_request_in_another_process_revives_nothing_after_a_logout() {
    let nodes = Nodes::start().await;
    let (started, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (Arc::clone(&started), Arc::clone(&go_on));
    let renew = async move |session: Session| {
        gates.0.add_permits(1);
        gates.1.acquire().await.unwrap().forget();
        session.renew().await.map_err(Denial::from)
    };
    let slow = Router::new().route("/slow", post(renew)).layer(nodes.nodes[1].sessions.clone());
    let browser = nodes.nodes[0].log_in().await;
    let mut waiting = browser.clone();
    let request = tokio::spawn(async move {
        let response = waiting.post(&slow, "/slow").await;
        (response.status.as_u16(), waiting)
    });
    started.acquire().await.unwrap().forget();
    nodes.clock.advance(2 * SECOND);
    assert_eq!(browser.clone().post(&nodes.nodes[0].app, "/logout").await.status, 200);
    go_on.add_permits(1);
    let (status, slow) = request.await.unwrap();
    assert_eq!(status, 401);
    nodes.nodes[1].sessions.flush().await.unwrap();
    nodes.wait_for_stream().await;
    assert_eq!((nodes.statuses(&browser).await, nodes.statuses(&slow).await), ([401, 401], [401, 401]));
    assert!(nodes.nodes[1].sessions.list(None, "ann").await.unwrap().is_empty());
    assert!(!nodes.server.command(&["KEYS", "*"]).contains("sessions}"));
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn other_sessions_end_in_every_process_after_a_change_of_the_password() {
    let nodes = Nodes::start().await;
    let mut browsers = Vec::new();
    for node in nodes.nodes.iter().cycle().take(4) {
        browsers.push(node.log_in().await);
    }
    for browser in &browsers {
        assert_eq!(nodes.statuses(browser).await, [200, 200]);
    }
    nodes.clock.advance(SECOND);
    assert_eq!(browsers[0].clone().post(&nodes.nodes[0].app, "/others").await.status, 200);
    nodes.wait_for_stream().await;
    let mut statuses = Vec::new();
    for browser in &browsers {
        statuses.push(nodes.statuses(browser).await);
    }
    assert_eq!(statuses, [[200, 200], [401, 401], [401, 401], [401, 401]]);
    assert_eq!(nodes.nodes[1].sessions.list(None, "ann").await.unwrap().len(), 1);
    // A login afterwards is valid.
    nodes.clock.advance(SECOND);
    let later = nodes.nodes[1].log_in().await;
    assert_eq!(nodes.statuses(&later).await, [200, 200]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: run tests/run"]
async fn revoke_all_ends_sessions_that_begin_during_the_call() {
    let nodes = Arc::new(Nodes::start().await);
    let log_ins: Vec<_> = (0..40)
        .map(|number| {
            let nodes = Arc::clone(&nodes);
            tokio::spawn(async move {
                let mut browser = Browser::default();
                browser.post(&nodes.nodes[number % 2].app, "/login?user=ann").await;
                browser
            })
        })
        .collect();
    tokio::task::yield_now().await;
    let during = nodes.nodes[0].sessions.revoke_all(None, "ann");
    during.await.unwrap();
    let mut browsers = Vec::new();
    for log_in in log_ins {
        browsers.push(log_in.await.unwrap());
    }
    nodes.wait_for_stream().await;
    // Sessions from before the revocation have ended in both processes. A later login is valid.
    let mut valid = 0;
    for browser in browsers.iter().filter(|browser| browser.cookie.is_some()) {
        let statuses = nodes.statuses(browser).await;
        assert!(statuses == [401, 401] || statuses == [200, 200], "{statuses:?}");
        valid += usize::from(statuses == [200, 200]);
    }
    let revoked_at = UNIX_EPOCH + Duration::from_secs(nodes.clock.clock().since_epoch().as_secs());
    let listed = nodes.nodes[0].sessions.list(None, "ann").await.unwrap();
    let later = listed.iter().filter(|session| session.expires_at() - 12 * HOUR > revoked_at);
    assert_eq!(valid, later.count());
    nodes.clock.advance(2 * SECOND);
    nodes.nodes[1].sessions.revoke_all(None, "ann").await.unwrap();
    nodes.wait_for_stream().await;
    assert!(nodes.nodes[0].sessions.list(None, "ann").await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_old_cookie_is_rejected_11_seconds_after_a_renewal_in_a_process_that_has_cached_it() {
    let nodes = Nodes::start().await;
    let mut browser = nodes.nodes[0].log_in().await;
    let old = browser.clone();
    assert_eq!(nodes.statuses(&old).await, [200, 200]);
    nodes.clock.advance(2 * SECOND);
    assert_eq!(browser.post(&nodes.nodes[0].app, "/renew").await.status, 200);
    nodes.wait_for_stream().await;
    let before = nodes.finds();
    for _ in 0..10 {
        assert_eq!((nodes.statuses(&old).await, nodes.statuses(&browser).await), ([200, 200], [200, 200]));
    }
    // The old record twice, because it has changed, and the new one once.
    assert_eq!(nodes.finds() - before, 3);
    nodes.clock.advance(9 * SECOND);
    assert_eq!(nodes.statuses(&old).await, [200, 200]);
    nodes.clock.advance(2 * SECOND);
    assert_eq!((nodes.statuses(&old).await, nodes.statuses(&browser).await), ([401, 401], [200, 200]));
    // Neither is renewed by the old cookie.
    assert_eq!(nodes.nodes[1].sessions.list(None, "ann").await.unwrap().len(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_request_with_the_old_cookie_in_another_process_gets_the_cookie_of_the_renewal() {
    let nodes = Nodes::start().await;
    let mut browser = nodes.nodes[0].log_in().await;
    let mut old = browser.clone();
    assert_eq!(nodes.statuses(&old).await, [200, 200]);
    browser.post(&nodes.nodes[0].app, "/renew").await;
    // The second process has cached the record, and may not know of the renewal yet.
    assert_eq!(old.post(&nodes.nodes[1].app, "/renew").await.status, 200);
    assert_eq!(old.cookie, browser.cookie);
    assert_eq!(nodes.statuses(&browser).await, [200, 200]);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_use_in_one_process_keeps_the_session_alive_in_another() {
    let nodes = Nodes::with(|builder| builder.idle_timeout(2 * MINUTE)).await;
    let (browser, unused) = (nodes.nodes[0].log_in().await, nodes.nodes[0].log_in().await);
    for browser in [&browser, &unused] {
        assert_eq!(nodes.statuses(browser).await, [200, 200]);
    }
    for _ in 0..3 {
        nodes.clock.advance(100 * SECOND);
        assert_eq!(browser.clone().me(&nodes.nodes[0].app).await, 200);
        nodes.nodes[0].sessions.flush().await.unwrap();
    }
    nodes.clock.advance(100 * SECOND);
    // The second process was last used 400 seconds ago.
    assert_eq!(
        (browser.clone().me(&nodes.nodes[1].app).await, unused.clone().me(&nodes.nodes[1].app).await),
        (200, 401)
    );
    nodes.clock.advance(2 * MINUTE);
    assert_eq!(nodes.statuses(&browser).await, [401, 401]);
}
