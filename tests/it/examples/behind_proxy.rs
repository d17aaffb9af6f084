//! The example `behind_proxy`: the address that proxies report, and the limit and the headers that depend on it.

use crate::support::running_example::RunningExample;

#[tokio::test]
async fn the_client_is_the_address_that_the_proxy_appends_and_has_one_quota() {
    let mut example = RunningExample::start("behind_proxy");
    let [health, honest, forged] = example.next_commands();
    for _ in 0..6 {
        let response = example.curl(&health).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("strict-transport-security"), "", "the proxy reports no https");
    }
    for (command, status) in [(&honest, 200), (&forged, 200), (&forged, 200), (&honest, 200), (&forged, 200)] {
        let response = example.curl(command).await;
        assert_eq!((response.status, response.body.as_str()), (status, "hello, 203.0.113.9\n"), "{command}");
        assert!(response.header("strict-transport-security").starts_with("max-age="), "{:?}", response.headers);
    }
    assert_eq!(example.curl(&honest).await.status, 429);
    assert_eq!(example.curl(&forged).await.status, 429);
    let another_client = honest.replace("203.0.113.9", "203.0.113.10");
    assert_eq!(example.curl(&another_client).await.body, "hello, 203.0.113.10\n");
}
