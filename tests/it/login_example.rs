//! The example `login_protection`, started with the command in its documentation.

use reqwest::header::CONTENT_TYPE;

use crate::support::running_example::RunningExample;

/// The running example, with the curl commands that it prints.
struct LoginExample {
    curl_commands: [String; 2],
    _process: RunningExample,
}

impl LoginExample {
    fn start() -> Self {
        let mut process = RunningExample::start("login_protection");
        let curl_commands = [process.next_line(), process.next_line()];
        Self { curl_commands, _process: process }
    }

    /// Sends the request of one of the curl commands that the example prints.
    async fn curl(&self, index: usize) -> reqwest::Response {
        let command = &self.curl_commands[index];
        let url = command.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        let body = command.split('\'').nth(3).unwrap().to_owned();
        let client = reqwest::Client::new();
        client.post(url).header(CONTENT_TYPE, "application/json").body(body).send().await.unwrap()
    }
}

#[tokio::test]
async fn successful_logins_cost_nothing_and_five_failures_block_the_address_for_an_hour() {
    let example = LoginExample::start();
    for failures in 0..5 {
        let success = example.curl(0).await;
        assert_eq!(success.status(), 200);
        assert_eq!(success.headers()["x-ratelimit-remaining"], (5 - failures).to_string());
        assert_eq!(example.curl(1).await.status(), 401);
    }
    for command in [1, 0, 1] {
        let rejected = example.curl(command).await;
        assert_eq!(rejected.status(), 429);
        let retry_after: u64 = rejected.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&retry_after), "{retry_after}");
    }
}
