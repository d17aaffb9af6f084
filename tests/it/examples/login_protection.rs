//! The example `login_protection`: what logins cost, and the block after five failures.

use crate::support::running_example::RunningExample;

#[tokio::test]
async fn successful_logins_cost_nothing_and_five_failures_block_the_address_for_an_hour() {
    let mut example = RunningExample::start("login_protection");
    let [right_password, wrong_password] = example.next_commands();
    for failures in 0..5 {
        let success = example.curl(&right_password).await;
        assert_eq!(success.status, 200);
        assert_eq!(success.header("x-ratelimit-remaining"), (5 - failures).to_string());
        assert_eq!(example.curl(&wrong_password).await.status, 401);
    }
    for command in [&wrong_password, &right_password, &wrong_password] {
        let rejected = example.curl(command).await;
        assert_eq!(rejected.status, 429);
        let retry_after: u64 = rejected.header("retry-after").parse().unwrap();
        assert!((3500..=3600).contains(&retry_after), "{retry_after}");
    }
}
