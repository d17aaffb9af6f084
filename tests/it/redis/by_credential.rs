//! Quotas of credentials in Redis: the same requests as in memory.

use portcullis::rate_limit::Store;

use crate::rate_limit::by_credential;
use crate::support::redis_server::Server;
use crate::support::test_store::network_store;

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_credential_has_its_own_quota_in_redis() {
    let server = Server::start();
    let store = || Store::from(network_store(&server));
    by_credential::a_credential_has_its_own_quota_and_others_that_of_the_tier_or_the_limit(store).await;
}
