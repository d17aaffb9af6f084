//! The example `user_loader`: the response to each user of its database.

use crate::support::running_example::RunningExample;

#[tokio::test]
async fn the_status_and_the_roles_in_the_database_decide() {
    let mut example = RunningExample::start("user_loader");
    let commands = example.next_commands();
    let [editor, without_role, locked, unknown] = example.curl_all(commands).await;
    assert_eq!((editor.status, editor.body.as_str()), (200, "created by ann\n"));
    assert_eq!(without_role.status, 403);
    assert!(without_role.body.contains("required permission: create:page"), "{}", without_role.body);
    assert_eq!(locked.status, 403);
    assert!(locked.body.contains("the account is locked"), "{}", locked.body);
    assert_eq!(unknown.status, 401);
    assert!(unknown.header("www-authenticate").contains(r#"error="invalid_token""#), "{:?}", unknown.headers);
}
