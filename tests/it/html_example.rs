//! The example of a page, started by the command that it names.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

struct Example {
    process: Child,
    url: String,
}

impl Example {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--example", "html_app"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        let mut process = command.env("PORT", "0").stdout(Stdio::piped()).spawn().unwrap();
        let url = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        Self { process, url }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_page_bears_the_nonce_of_its_policy_and_shows_what_was_typed_as_text() {
    let example = Example::start();
    let client = reqwest::Client::new();
    let shown = client.get(&example.url).send().await.unwrap();
    let policy = shown.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let page = shown.text().await.unwrap();
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(page.matches(&format!(" nonce=\"{nonce}\">")).count(), 2, "{page}");
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
    let greeted = client.post(&example.url).form(&[("name", "<script>alert('a&b')</script>")]).send().await.unwrap();
    assert!(!greeted.headers()["content-security-policy"].to_str().unwrap().contains(nonce), "new for each answer");
    let page = greeted.text().await.unwrap();
    assert!(page.contains("Hello, &lt;script&gt;alert(&#39;a&amp;b&#39;)&lt;/script&gt;!"), "{page}");
}
