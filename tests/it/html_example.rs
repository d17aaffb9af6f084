//! The example `html_app`, started with the command in its documentation.

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
async fn the_page_has_the_nonce_of_its_policy_and_escapes_the_name() {
    let example = Example::start();
    let client = reqwest::Client::new();
    let response = client.get(&example.url).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let page = response.text().await.unwrap();
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(page.matches(&format!(" nonce=\"{nonce}\">")).count(), 2, "{page}");
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
    let greeting = client.post(&example.url).form(&[("name", "<script>alert('a&b')</script>")]).send().await.unwrap();
    assert!(
        !greeting.headers()["content-security-policy"].to_str().unwrap().contains(nonce),
        "each response has a new nonce"
    );
    let page = greeting.text().await.unwrap();
    assert!(page.contains("Hello, &lt;script&gt;alert(&#39;a&amp;b&#39;)&lt;/script&gt;!"), "{page}");
}
