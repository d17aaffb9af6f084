//! The example `html_app`, started with the command in its documentation.

use crate::support::running_example::RunningExample;

#[tokio::test]
async fn the_page_has_the_nonce_of_its_policy_and_escapes_the_name() {
    let mut example = RunningExample::start("html_app");
    let url = example.next_line();
    let client = reqwest::Client::new();
    let response = client.get(&url).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let page = response.text().await.unwrap();
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(page.matches(&format!(" nonce=\"{nonce}\">")).count(), 2, "{page}");
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
    let greeting = client.post(&url).form(&[("name", "<script>alert('a&b')</script>")]).send().await.unwrap();
    assert!(
        !greeting.headers()["content-security-policy"].to_str().unwrap().contains(nonce),
        "each response has a new nonce"
    );
    let page = greeting.text().await.unwrap();
    assert!(page.contains("Hello, &lt;script&gt;alert(&#39;a&amp;b&#39;)&lt;/script&gt;!"), "{page}");
}
