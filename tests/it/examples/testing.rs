//! The example `testing`: its tests pass, and its app starts.

use std::process::Command;

use crate::support::running_example::RunningExample;

#[test]
fn the_tests_of_the_example_pass() {
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--example", "testing"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("test result: ok. 3 passed; 0 failed; 0 ignored"), "{text}");
}

#[tokio::test]
async fn the_app_rejects_a_request_without_a_token() {
    let mut example = RunningExample::start("testing");
    let [command] = example.next_commands();
    assert_eq!(example.curl(&command).await.status, 401);
}
