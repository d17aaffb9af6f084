//! Login protection in Redis: the same attempts as in memory, and what is stored.

use portcullis::rate_limit::{Key, Limit, RedisStore, Subject};
use portcullis::{Quota, RateLimit};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::login_protection::{LoginApp, account_limit, accounts, attacks, device_cookies, keys, refunds, seconds};
use crate::support::redis_server::{Server, closed_port};
use crate::support::test_store::{ALGORITHMS, TestStore, network_store};

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn over_the_limit_the_response_is_429_with_retry_after_before_any_hash() {
    accounts::over_the_limit_no_hash_runs(&TestStore::redis(&Server::start())).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn waits_grow_from_30_seconds_to_an_hour_and_retry_after_reports_them() {
    accounts::waits_grow(&TestStore::redis(&Server::start())).await;
    accounts::the_longest_wait(&TestStore::redis(&Server::start())).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn responses_for_known_and_unknown_accounts_are_equal_byte_for_byte_at_every_count() {
    accounts::responses_are_equal(&TestStore::redis(&Server::start())).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn failures_in_a_row_are_counted_up_to_100_and_a_success_ends_the_row() {
    accounts::failures_in_a_row(&TestStore::redis(&Server::start())).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_success_refunds_only_its_own_charges() {
    refunds::a_success_refunds_its_own(&TestStore::redis(&Server::start())).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_known_device_has_its_own_counter() {
    device_cookies::a_known_device_logs_in(&TestStore::redis(&Server::start())).await;
    device_cookies::a_device_is_unknown_after_10_failures(&TestStore::redis(&Server::start())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server: run tests/run"]
async fn of_100_wrong_logins_at_once_10_reach_the_hash() {
    let server = Server::start();
    let by_account = RateLimit::builder().limit(account_limit()).key(Key::account(&keys()));
    attacks::of_100_at_once_10_are_admitted(by_account.store(network_store(&server)).build().unwrap()).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn keys_hold_an_hmac_and_not_the_name_or_its_plain_hash() {
    let server = Server::start();
    let builder = |key| RateLimit::builder().limit(account_limit()).key(key).store(network_store(&server));
    let other = portcullis::KeyRing::new((1..33).collect::<Vec<u8>>()).unwrap();
    for ring in [&keys(), &other] {
        let by_account = builder(Key::account(ring)).build().unwrap();
        by_account.check(&Subject::account("Ann@Example.com"), 1).await.unwrap();
        by_account.check(&Subject::account("ann@example.com"), 1).await.unwrap();
    }
    // One key for each secret: without it, the key of a name cannot be computed.
    let stored = server.command(&["KEYS", "*"]);
    assert_eq!(stored.lines().count(), 2, "{stored}");
    assert!(!stored.contains("ann"), "{stored}");
}

#[tokio::test]
async fn if_the_store_is_unavailable_the_response_is_503_and_nothing_is_hashed() {
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}", closed_port())).unwrap();
    let app = LoginApp::new(&TestStore::memory());
    let by_account = RateLimit::builder().limit(account_limit()).key(Key::account(&keys())).store(store);
    let by_account = by_account.build().unwrap();
    let cookie = app.cookie().await;
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("cookie", cookie.parse().unwrap());
    for subject in [Subject::account("ann"), app.devices.subject("ann", &headers)] {
        for _ in 0..20 {
            let denial = by_account.check(&subject, 1).await.unwrap_err();
            assert_eq!(denial.status(), 503);
        }
    }
}

/// Both stores decide alike about charges of one to three units, at times that are often the end of a block.
#[test]
#[ignore = "needs redis-server: run tests/run"]
fn waits_that_grow_are_the_same_in_both_stores() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let waits = prop_oneof![4 => Just(0), 3 => Just(30), 2 => Just(60), 1 => Just(600), 1 => 1..5_000_u64];
    let steps = proptest::collection::vec((waits, 1..4_u32), 1..40);
    let subjects = std::cell::Cell::new(0);
    let result = runner.run(&steps, |steps| {
        for algorithm in ALGORITHMS {
            subjects.set(subjects.get() + 1);
            let limit = Limit::new("a", Quota::per_hour(4).unwrap().algorithm(algorithm));
            let limit = limit.block_for(seconds(30)).escalate_to(seconds(3600));
            let subject = Subject::custom(subjects.get().to_string());
            let stores = [TestStore::memory(), TestStore::redis(&server)];
            let limits = stores
                .each_ref()
                .map(|store| store.build(RateLimit::builder().limit(limit.clone()).key(Key::custom(|_| None))));
            runtime.block_on(async {
                for (index, (wait, units)) in steps.iter().enumerate() {
                    let mut outcomes = Vec::new();
                    for (store, limit) in stores.iter().zip(&limits) {
                        store.advance(seconds(*wait));
                        let denial = limit.check(&subject, *units).await.err();
                        let usage = &limit.peek(&subject).await.unwrap()[0];
                        outcomes.push((denial.map(|denial| denial.retry_after()), usage.used(), usage.blocked_for()));
                    }
                    prop_assert_eq!(&outcomes[0], &outcomes[1], "step {} by {:?}", index, algorithm);
                }
                Ok(())
            })?;
        }
        Ok(())
    });
    result.unwrap();
}
