//! The example `backchannel_logout`: alone, and in two processes with a real OpenID provider and a real browser.

use axum::http::Uri;
use serde_json::Value;

use crate::support::chromium::Chromium;
use crate::support::oidc_provider::OidcProvider;
use crate::support::redis_server::Server;
use crate::support::running_example::RunningExample;

/// Opens the event stream of a `curl` command, and waits for its first event.
async fn open_stream(example: &RunningExample, command: &str) -> reqwest::Response {
    let command = example.parse(command);
    let request = reqwest::Client::new().get(&command.url);
    let mut stream = request.header("authorization", command.header("authorization").unwrap()).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert!(stream.chunk().await.unwrap().unwrap().starts_with(b"data: 0"));
    stream
}

#[tokio::test]
async fn the_printed_logout_token_ends_one_login_and_its_event_stream() {
    let mut example = RunningExample::start("backchannel_logout");
    let [me, events, phone, _, log_out] = example.next_commands();
    let events = open_stream(&example, &events).await;
    let admitted = example.curl_all([me.clone(), phone.clone()]).await;
    assert_eq!(admitted.map(|response| (response.status, response.body)), [(); 2].map(|()| (200, "ann\n".to_owned())));

    assert_eq!(example.curl(&log_out).await.status, 200);
    // The stream ends, so the rest can be read.
    events.text().await.unwrap();
    let rejected = example.curl(&me).await;
    assert_eq!(rejected.status, 401);
    assert!(rejected.body.contains("token_revoked"), "{}", rejected.body);
    assert_eq!(example.curl(&phone).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, node and chromium: run tests/run"]
async fn a_logout_at_the_provider_ends_tokens_and_streams_in_all_processes() {
    let redis = Server::start();
    let mut provider = OidcProvider::start().await;
    let settings = [("ISSUER", &*provider.url), ("REDIS_URL", &*redis.url())];
    let mut examples = [(); 2].map(|()| RunningExample::start_with("backchannel_logout", &settings));
    let [[me, events], [me_there, events_there]] = examples.each_mut().map(|example| {
        let commands: [_; 2] = example.next_commands();
        commands
    });
    // The provider calls the first process only.
    let api = examples[0].parse(&me.replace("$TOKEN", "")).url.trim_end_matches("/me").to_owned();
    provider.command(&format!("app {api}")).await;

    let chromium = Chromium::start();
    let token = log_in(&provider, &chromium, &api).await;
    let [me, events, me_there, events_there] =
        [me, events, me_there, events_there].map(|command| command.replace("$TOKEN", &token));
    let stream = open_stream(&examples[0], &events).await;
    let stream_there = open_stream(&examples[1], &events_there).await;
    assert_eq!(examples[0].curl(&me).await.body, "ann\n");

    let tab = chromium.open(&format!("{}/session/end", provider.url));
    assert_eq!(tab.run("document.querySelector('h1').textContent"), "Log out?");
    tab.leave("document.querySelector('button').click()");
    stream.text().await.unwrap();
    // The other process reads the logout within a second.
    stream_there.text().await.unwrap();
    for (example, me) in [(&examples[0], &me), (&examples[1], &me_there)] {
        let rejected = example.curl(me).await;
        assert_eq!(rejected.status, 401);
        assert!(rejected.body.contains("token_revoked"), "{}", rejected.body);
    }
    provider.quit().await;
}

/// Logs a user in at the provider, as the app does whose users call the API. Returns the access token.
async fn log_in(provider: &OidcProvider, chromium: &Chromium, app: &str) -> String {
    let callback = format!("{app}/callback");
    let url = format!(
        "{}/auth?response_type=code&client_id=web&redirect_uri={callback}&scope=openid&resource={RESOURCE}\
         &code_challenge={CHALLENGE}&code_challenge_method=S256",
        provider.url
    );
    let tab = chromium.open(&url);
    assert_eq!(tab.run("document.querySelector('h1').textContent"), "Provider");
    tab.run("document.querySelector('[name=login]').value = 'ann'");
    tab.run("document.querySelector('[name=password]').value = 'secret'");
    tab.leave("document.querySelector('button').click()");
    let location: Uri = tab.run("location.href").as_str().unwrap().parse().unwrap();
    let code = location.query().unwrap().split('&').find_map(|pair| pair.strip_prefix("code=")).unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &callback),
        ("code_verifier", VERIFIER),
        ("resource", RESOURCE),
    ];
    let request = reqwest::Client::new().post(provider.setting("token_endpoint")).form(&form);
    let request = request.basic_auth("web", Some(provider.setting("web_client_secret")));
    let tokens: Value = request.send().await.unwrap().json().await.unwrap();
    tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned()
}

const RESOURCE: &str = "urn:portcullis:es256";
// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
