//! The example `custom_gate`: responses without a key, with a key, and without its scope.

use crate::support::running_example::RunningExample;

#[tokio::test]
async fn a_key_authenticates_its_owner() {
    let mut example = RunningExample::start("custom_gate");
    let commands = example.next_commands();
    let [without_key, me, admin] = example.curl_all(commands).await;
    assert_eq!(without_key.status, 401);
    assert!(without_key.body.contains(r#""detail":"a credential is required: ApiKey","code":"credentials_missing""#));
    assert_eq!(without_key.header("www-authenticate"), r#"ApiKey realm="api""#);
    assert_eq!((me.status, me.body.as_str()), (200, "robot\n"));
    assert_eq!(admin.status, 403);
    assert!(admin.body.contains(r#""scope":"admin""#), "{}", admin.body);
    assert_eq!(admin.header("www-authenticate"), r#"ApiKey realm="api""#);
    for response in [&without_key, &me, &admin] {
        assert_eq!(response.header("cache-control"), "no-store");
        assert_eq!(response.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn an_unknown_key_is_rejected() {
    let mut example = RunningExample::start("custom_gate");
    let [_, me, _] = example.next_commands();
    let key = &example.exports()["API_KEY"];
    let unknown = me.replace("$API_KEY", &key[1..]);
    let response = example.curl(&unknown).await;
    assert_eq!(response.status, 401);
    assert!(response.body.contains(r#""code":"credential_invalid""#), "{}", response.body);
}
