//! The example `html_app`: the nonce of its page, and the text that a user submits.

use reqwest::Client;

use crate::support::running_example::RunningExample;

#[tokio::test]
async fn the_page_has_the_nonce_of_its_policy_and_escapes_the_name() {
    let mut example = RunningExample::start("html_app");
    let url = example.next_line();
    let [command] = example.next_commands();
    let response = example.curl(&command).await;
    let (policy, page) = (response.header("content-security-policy"), &response.body);
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(page.matches(&format!(" nonce=\"{nonce}\">")).count(), 2, "{page}");
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
    let form = [("name", "<script>alert('a&b')</script>")];
    let greeting = Client::new().post(&url).form(&form).send().await.unwrap();
    assert!(
        !greeting.headers()["content-security-policy"].to_str().unwrap().contains(nonce),
        "each response has a new nonce"
    );
    let page = greeting.text().await.unwrap();
    assert!(page.contains("Hello, &lt;script&gt;alert(&#39;a&amp;b&#39;)&lt;/script&gt;!"), "{page}");
}
