//! Servers and clocks that are wrong, and callers that repeat a revocation.

use std::time::{Duration, SystemTime};

use portcullis::UserContext;
use portcullis::testing::FakeClock;
use tokio::time::timeout;

use crate::revocation_stream::support::{
    ISSUER, KEY, TIMEOUT, add_entries, builder, in_seconds, len, node, ready, revoke, status, wait_until,
    wait_until_revoked,
};
use crate::support::redis_server::Server;

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_clock_that_was_ahead_at_the_start_and_is_set_back_makes_nothing_valid_again() {
    let server = Server::start();
    revoke(&node(&server.url()).await, "t").await;
    let clock = FakeClock::new();
    clock.set_wall(SystemTime::now());
    clock.advance(Duration::from_secs(2 * 86_400));
    let wrong = ready(builder(&server.url()).clock(clock.clock())).await;
    assert_eq!(status(&wrong, "t"), 200, "by its clock, every such token has expired");
    clock.set_wall(SystemTime::now());
    wait_until_revoked(&wrong, "t").await;
    assert_eq!(status(&wrong, "another"), 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_new_stream_whose_ids_are_first_lower_and_then_higher_is_read_whole() {
    const REPLACE: &str = "\
        local entry = redis.call('XRANGE', KEYS[2], '-', '+')[1][2][2] \
        redis.call('DEL', KEYS[1]) \
        redis.call('XADD', KEYS[1], ARGV[1] .. '000-1', 'r', entry) \
        redis.call('XADD', KEYS[1], ARGV[2] .. '000-1', 'r', 'garbage') \
        return redis.status_reply('OK')";
    let server = Server::start();
    // Nothing that this node has read is needed any more.
    add_entries(&server, Some(in_seconds(-3_600)), 3, in_seconds(-10));
    let node = node(&server.url()).await;
    revoke(&ready(builder(&server.url()).stream_key("other")).await, "t").await;
    let (lower, higher) = (in_seconds(-7_200).to_string(), in_seconds(-60).to_string());
    assert_eq!(server.command(&["EVAL", REPLACE, "2", KEY, "other", &lower, &higher]), "OK");
    wait_until_revoked(&node, "t").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn an_entry_that_never_fits_is_left_out_when_it_has_expired() {
    let server = Server::start();
    let large = node(&server.url()).await;
    let clock = FakeClock::new();
    // An entry for `revoke_others` needs two.
    let small = ready(builder(&server.url()).max_entries(1).clock(clock.clock())).await;
    let user = UserContext::new("ann").with_issuer(ISSUER).with_token_id("t-1");
    large.revoke_others(&user).await.unwrap();
    wait_until("an entry does not fit", || status(&small, "another") == 503).await;
    clock.advance(Duration::from_secs(86_400 * 2));
    timeout(TIMEOUT, small.wait_until_ready()).await.unwrap();
    assert_eq!(status(&small, "another"), 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_user_who_repeats_a_revocation_does_not_make_the_stream_grow() {
    let server = Server::start();
    let clock = FakeClock::new();
    let node = ready(builder(&server.url()).clock(clock.clock())).await;
    let user = UserContext::new("ann").with_issuer(ISSUER).with_token_id("t-1");
    for _ in 0..200 {
        let results: Vec<_> = (0..10).map(|_| node.revoke_others(&user)).collect();
        for result in results {
            result.await.unwrap();
        }
    }
    assert_eq!(len(&server), 1, "in one second");
    // The result is still that of a write.
    server.kill();
    clock.advance(Duration::from_secs(1));
    let [first, repeated] = [node.revoke_others(&user), node.revoke_others(&user)];
    assert!(first.await.is_err() && repeated.await.is_err());
}
