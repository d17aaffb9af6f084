//! The example of a guarded log-in, started by the command that it names.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::header::CONTENT_TYPE;

struct Example {
    process: Child,
    curl_lines: Vec<String>,
}

impl Example {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--example", "login_protection"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        let mut process = command.env("PORT", "0").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, curl_lines: lines.take(2).map(Result::unwrap).collect() }
    }

    /// Does what one of its curl lines does.
    async fn curl(&self, line: usize) -> reqwest::Response {
        let line = &self.curl_lines[line];
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        let form = line.split('\'').nth(3).unwrap().to_owned();
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
async fn five_failures_are_borne_and_successes_cost_nothing_and_then_all_is_blocked_for_an_hour() {
    let example = Example::start();
    for failures in 0..5 {
        let good = example.curl(0).await;
        assert_eq!(good.status(), 200);
        assert_eq!(good.headers()["x-ratelimit-remaining"], (5 - failures).to_string());
        assert_eq!(example.curl(1).await.status(), 401);
    }
    for line in [1, 0, 1] {
        let refused = example.curl(line).await;
        assert_eq!(refused.status(), 429);
        let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
    }
}
