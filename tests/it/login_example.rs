//! The example `login_protection`, started by the command in its documentation.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::header::CONTENT_TYPE;

struct Example {
    process: Child,
    curl_commands: Vec<String>,
}

impl Example {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--example", "login_protection"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        let mut process = command.env("PORT", "0").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, curl_commands: lines.take(2).map(Result::unwrap).collect() }
    }

    /// Sends the request of one of the curl commands that the example prints.
    async fn curl(&self, index: usize) -> reqwest::Response {
        let command = &self.curl_commands[index];
        let url = command.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        let form = command.split('\'').nth(3).unwrap().to_owned();
        let client = reqwest::Client::new();
        client.post(url).header(CONTENT_TYPE, "application/json").body(form).send().await.unwrap()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn successful_logins_cost_nothing_and_five_failures_block_the_address_for_an_hour() {
    let example = Example::start();
    for failures in 0..5 {
        let success = example.curl(0).await;
        assert_eq!(success.status(), 200);
        assert_eq!(success.headers()["x-ratelimit-remaining"], (5 - failures).to_string());
        assert_eq!(example.curl(1).await.status(), 401);
    }
    for command in [1, 0, 1] {
        let rejected = example.curl(command).await;
        assert_eq!(rejected.status(), 429);
        let wait: u64 = rejected.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
    }
}
