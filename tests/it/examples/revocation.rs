//! The example `revocation`: logins that end, with their event streams, in one process and in two.

use reqwest::Client;

use crate::support::redis_server::Server;
use crate::support::running_example::RunningExample;

#[tokio::test]
async fn logged_out_tokens_are_rejected_and_the_event_stream_ends() {
    let mut example = RunningExample::start("revocation");
    let [events, me, log_out, log_out_others, log_out_all] = example.next_commands();
    let [_, phone, ..]: [_; 5] = example.next_commands();
    let events = example.parse(&events);
    let request = Client::new().get(&events.url).header("authorization", events.header("authorization").unwrap());
    let mut events = request.send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert!(events.chunk().await.unwrap().unwrap().starts_with(b"data: 0"));

    assert_eq!(example.curl(&log_out_others).await.status, 200);
    assert_eq!(example.curl(&phone).await.status, 401);
    let laptop = example.curl(&me).await;
    assert_eq!((laptop.status, laptop.body.as_str()), (200, "ann\n"));
    assert_eq!(example.curl(&log_out).await.status, 200);
    // The stream of this login ends, so the rest can be read.
    events.text().await.unwrap();
    let rejected = example.curl(&me).await;
    assert_eq!(rejected.status, 401);
    assert!(rejected.body.contains("token_revoked"), "{}", rejected.body);
    assert_eq!(example.curl(&log_out_all).await.status, 401);
}

#[tokio::test]
async fn a_logout_everywhere_ends_all_logins() {
    let mut example = RunningExample::start("revocation");
    let [_, laptop, .., log_out_all]: [_; 5] = example.next_commands();
    let [_, phone, ..]: [_; 5] = example.next_commands();
    assert_eq!(example.curl(&log_out_all).await.status, 200);
    assert_eq!(example.curl_all([laptop, phone]).await.map(|response| response.status), [401, 401]);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_logout_at_one_process_is_a_logout_at_the_other() {
    let server = Server::start();
    let mut examples = [(); 2].map(|()| RunningExample::start_with("revocation", &[("REDIS_URL", &server.url())]));
    let [first, second] = examples.each_mut().map(|example| {
        let commands: [_; 5] = example.next_commands();
        commands
    });
    // The token of the first process, at the second one.
    let me_there = second[1].replace("$LAPTOP", &examples[0].exports()["LAPTOP"]);
    assert_eq!(examples[1].curl(&me_there).await.status, 200);
    assert_eq!(examples[0].curl(&first[2]).await.status, 200);
    // The other process reads the logout within a second, and usually within milliseconds.
    while examples[1].curl(&me_there).await.status != 401 {}
    assert_eq!(examples[1].curl(&second[1]).await.status, 200, "another login of the user");
}
