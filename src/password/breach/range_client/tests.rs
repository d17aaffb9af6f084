//! Requests to a range service, with a client that records them.

use std::error::Error;
use std::future::pending;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Response};

use super::*;
use crate::error::{ConfigError, ConfigIssues};
use crate::http_client::HttpClient;
use crate::password::breach::have_i_been_pwned::HaveIBeenPwned;

/// The SHA-1 of `password` is 5BAA6 and this suffix.
const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

/// What a service does.
#[derive(Clone)]
enum Behavior {
    Respond(u16, Vec<u8>),
    Fail,
    Hang,
}

/// A service that records its requests.
#[derive(Clone)]
struct Service(Arc<Mutex<Vec<Request<Vec<u8>>>>>, Behavior);

impl Service {
    fn new(behavior: Behavior) -> Self {
        Self(Arc::default(), behavior)
    }

    fn with_body(body: impl Into<Vec<u8>>) -> Self {
        Self::new(Behavior::Respond(200, body.into()))
    }

    fn requests(&self) -> Vec<(String, HeaderMap)> {
        let requests = self.0.lock().unwrap();
        requests.iter().map(|request| (request.uri().to_string(), request.headers().clone())).collect()
    }

    async fn count(&self, password: &str) -> Result<u64, BreachCheckError> {
        build(HaveIBeenPwned::new().http_client(self.clone())).unwrap().count(password).await
    }
}

impl HttpClient for Service {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        assert!(request.body().is_empty());
        self.0.lock().unwrap().push(request);
        match &self.1 {
            Behavior::Respond(status, body) => {
                let location = "http://attacker.example/";
                Ok(Response::builder().status(*status).header("location", location).body(body.clone())?)
            }
            Behavior::Fail => Err("connection refused".into()),
            Behavior::Hang => pending().await,
        }
    }
}

fn build(settings: HaveIBeenPwned) -> Result<RangeClient, ConfigError> {
    let mut issues = ConfigIssues::default();
    let client = settings.build(&mut issues);
    issues.into_result(|| client.unwrap())
}

#[tokio::test]
async fn exactly_the_first_five_digits_of_the_hash_are_sent_with_padding_and_a_user_agent() {
    let service = Service::with_body(format!("{SUFFIX}:3\r\n"));
    assert_eq!(service.count("password").await, Ok(3));
    let [(url, headers)] = &service.requests()[..] else { panic!("one request") };
    assert_eq!(url, "https://api.pwnedpasswords.com/range/5BAA6");
    assert_eq!(headers["add-padding"], "true");
    assert_eq!(headers["user-agent"], concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    assert!(!format!("{headers:?}").contains(&SUFFIX[..4]));
}

#[tokio::test]
async fn the_url_and_the_user_agent_can_be_set() {
    let service = Service::with_body("");
    for url in ["https://pwned.example.com/api/range", "https://pwned.example.com/api/range/"] {
        let settings = HaveIBeenPwned::new().url(url).user_agent("acme/2").http_client(service.clone());
        assert_eq!(build(settings).unwrap().count("password").await, Ok(0));
    }
    let requests = service.requests();
    assert!(requests.len() == 2 && requests[0].0 == requests[1].0);
    assert_eq!(requests[0].0, "https://pwned.example.com/api/range/5BAA6");
    assert_eq!(requests[0].1["user-agent"], "acme/2");
}

#[tokio::test]
async fn a_count_of_0_is_padding_and_not_a_breach() {
    let service = Service::with_body(format!("{SUFFIX}:0\r\n003D68EB55068C33ACE09247EE4C639306B:3\r\n"));
    assert_eq!(service.count("password").await, Ok(0));
}

#[tokio::test]
async fn a_status_other_than_200_is_an_error_and_a_redirect_is_not_followed() {
    for status in [204, 301, 302, 307, 308, 400, 404, 429, 500, 503] {
        let service = Service::new(Behavior::Respond(status, format!("{SUFFIX}:3").into_bytes()));
        assert_eq!(service.count("password").await, Err(BreachCheckError::Status(status)));
        assert_eq!(service.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_body_of_256_kib_is_read_and_a_longer_one_is_an_error() {
    let line = format!("{SUFFIX}:3\r\n");
    let mut body = line.clone().into_bytes();
    body.resize(256 * 1024, b'\n');
    assert_eq!(Service::with_body(body.clone()).count("password").await, Ok(3));
    body.push(b'\n');
    assert_eq!(Service::with_body(body).count("password").await, Err(BreachCheckError::TooLong));
    let ten_mib = vec![b'A'; 10 * 1024 * 1024];
    assert_eq!(Service::with_body(ten_mib).count("password").await, Err(BreachCheckError::TooLong));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_respond_is_an_error_after_one_second() {
    let started = tokio::time::Instant::now();
    assert_eq!(Service::new(Behavior::Hang).count("password").await, Err(BreachCheckError::Timeout));
    assert_eq!(started.elapsed().as_secs(), 1);
}

#[tokio::test]
async fn a_failed_client_and_a_page_that_is_no_range_are_errors() {
    let failed = Service::new(Behavior::Fail).count("password").await;
    assert_eq!(failed, Err(BreachCheckError::Client("connection refused".to_owned())));
    let page = Service::with_body("<html>log in to the network</html>").count("password").await;
    assert_eq!(page, Err(BreachCheckError::NoRange));
}

#[test]
fn invalid_settings_are_reported_together() {
    let service = Service::with_body("");
    for url in [
        "http://api.pwnedpasswords.com/range",
        "http://127.0.0.1:8080/range",
        "api.pwnedpasswords.com",
        "https://pwned.example.com/range?key=1",
        "https://pwned.example.com/range#1",
        "",
    ] {
        let settings = HaveIBeenPwned::new().url(url).timeout(Duration::ZERO).user_agent("");
        let error = build(settings.http_client(service.clone())).unwrap_err();
        assert!(error.issues().iter().all(|issue| issue.setting() == "breach_check"));
        assert_eq!(error.issues().len(), 3, "{error}");
    }
    let error = build(HaveIBeenPwned::new().url("https://user:secret@h.example/?").http_client(service)).unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn no_error_and_no_debug_output_contains_the_password_or_its_hash() {
    let service = Service::new(Behavior::Respond(500, Vec::new()));
    let client = build(HaveIBeenPwned::new().http_client(service)).unwrap();
    let error = client.count("marker-password").await.unwrap_err();
    let text = format!("{error} {error:?} {client:?}");
    assert!(!text.contains("marker") && !text.contains(&*upper_case_sha1("marker-password")), "{text}");
}
