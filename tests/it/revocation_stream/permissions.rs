//! Redis users: the documented permissions are sufficient and necessary, and the log names what is missing.

use portcullis::revocation::{Revocation, RevocationsBuilder, RevokeError};

use crate::revocation_stream::support::{ISSUER, KEY, builder, ready, revoke, status, wait_until, wait_until_revoked};
use crate::support::log_capture::{LogCapture, lines_about_stream};
use crate::support::redis_server::Server;
use crate::support::redis_user::{self, set_user, url_of_user};

fn documented_rules() -> Vec<String> {
    redis_user::documented_rules("revocation/builder/redis.rs")
}

fn as_user(server: &Server, database: &str) -> RevocationsBuilder {
    builder(&url_of_user(server, database))
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_documented_permissions_suffice() {
    let server = Server::start();
    let mut rules = documented_rules();
    for (database, more) in [("0", None), ("0", Some("+config|get")), ("0", Some("+info")), ("1", Some("+select"))] {
        rules.extend(more.map(str::to_owned));
        set_user(&server, &rules);
        let [first, second] = [ready(as_user(&server, database)).await, ready(as_user(&server, database)).await];
        revoke(&first, "t1").await;
        wait_until_revoked(&second, "t1").await;
        // Lost and written back.
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        let count = || server.command(&["INFO", "keyspace"]).lines().count();
        wait_until("the stream is written back", || count() > 1).await;
        revoke(&second, "t2").await;
        wait_until_revoked(&first, "t2").await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn each_documented_permission_is_needed_and_a_missing_one_is_logged() {
    let _log = LogCapture::start();
    let server = Server::start();
    let rules = documented_rules();
    let permissions: Vec<_> = rules.iter().filter(|rule| rule.starts_with(['+', '~'])).collect();
    assert_eq!(permissions.len(), 5, "{permissions:?}");
    for missing in permissions {
        let fewer: Vec<_> = rules.iter().filter(|rule| *rule != missing).cloned().collect();
        set_user(&server, &fewer);
        // Its own key, whose name is in the log.
        let key = format!("without{}", missing.replace(['+', '~', ':'], "-"));
        set_user(&server, &[if missing.starts_with('~') { "-@stream".to_owned() } else { format!("~{key}") }]);
        let node = as_user(&server, "0").stream_key(&key).build().unwrap();
        let result = node.revoke_by(Revocation::token(ISSUER, "t")).await;
        let is_logged =
            || lines_about_stream(&key).iter().any(|line| line.contains("permissions that the documentation of"));
        wait_until(&format!("a line about {missing}: {result:?}"), is_logged).await;
        if missing == "+xadd" {
            assert!(matches!(result, Err(RevokeError::NotStored { .. })), "{result:?}");
        } else {
            assert_eq!(status(&node, "another"), 503, "without {missing}");
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_wrong_password_is_logged_without_it() {
    let _log = LogCapture::start();
    let server = Server::start();
    set_user(&server, &documented_rules());
    let key = "wrong-password";
    let url = format!("redis://portcullis:hunter2@127.0.0.1:{}/", server.port());
    let node = builder(&url).stream_key(key).build().unwrap();
    let is_logged = || lines_about_stream(key).iter().any(|line| line.contains("check the user name and the password"));
    wait_until("the failure is logged", is_logged).await;
    assert!(!node.is_ready());
    assert!(!lines_about_stream(key).concat().contains("hunter2"));
    assert_eq!(server.command(&["EXISTS", KEY]), "0");
}
