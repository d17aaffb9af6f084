//! The example `hyper`: responses of the layers on a plain hyper server.

use crate::support::running_example::RunningExample;

#[tokio::test]
async fn the_layers_protect_a_plain_hyper_service() {
    let mut example = RunningExample::start("hyper");
    let commands: [String; 3] = example.next_commands();
    let unknown_path = commands[1].replace("/me", "/other");
    let [anonymous, ann, without_scope] = example.curl_all(commands).await;
    assert_eq!((anonymous.status, anonymous.header("www-authenticate")), (401, r#"Bearer realm="api""#));
    assert_eq!((ann.status, ann.body.as_str()), (200, "ann\n"));
    assert_eq!(without_scope.status, 403);
    let not_found = example.curl(&unknown_path).await;
    assert_eq!((not_found.status, not_found.body.as_str()), (404, "not found\n"));
    for (response, remaining) in [(anonymous, "59"), (ann, "58"), (without_scope, "57"), (not_found, "56")] {
        assert_eq!(response.header("x-ratelimit-remaining"), remaining, "the limit counts by the peer's address");
        assert_eq!(response.header("x-content-type-options"), "nosniff");
    }
}
