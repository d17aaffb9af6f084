//! When polls start, by a clock that follows tokio's paused one.

use std::error::Error;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use http::Response;
use tokio::runtime::Builder;
use tokio::time;

use super::*;
use crate::clock::{Clock, TimeSource};
use crate::http_client::HttpClient;
use crate::revocation::handle::Revocations;
use crate::shared_signals::service::SharedSignals;

const SECOND: Duration = Duration::from_secs(1);
const EMPTY: &str = r#"{"sets":{}}"#;

/// The time of tokio since its start.
struct TokioTime {
    start: time::Instant,
    monotonic: Instant,
}

impl TimeSource for TokioTime {
    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.start.elapsed()
    }

    fn monotonic(&self) -> Instant {
        self.monotonic + self.start.elapsed()
    }
}

/// What the transmitter does with a request.
#[derive(Clone)]
enum Step {
    /// Holds the request for this time, then responds.
    Respond {
        held: Duration,
        status: u16,
        retry_after: &'static str,
        body: String,
    },
    Fail,
    Hang,
}

fn respond(status: u16, retry_after: &'static str, body: impl Into<String>) -> Step {
    Step::Respond { held: Duration::ZERO, status, retry_after, body: body.into() }
}

/// A transmitter that takes one step for each request, and hangs after the last one.
#[derive(Clone)]
struct Transmitter {
    start: time::Instant,
    steps: Arc<[Step]>,
    /// When each request arrived, in milliseconds, and its body.
    requests: Arc<Mutex<Vec<(u128, String)>>>,
}

impl HttpClient for Transmitter {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push((self.start.elapsed().as_millis(), String::from_utf8(request.into_body()).unwrap()));
            requests.len() - 1
        };
        match self.steps.get(number).cloned().unwrap_or(Step::Hang) {
            Step::Respond { held, status, retry_after, body } => {
                sleep(held).await;
                let response = Response::builder().status(status).header("content-type", "application/json");
                Ok(response.header("retry-after", retry_after).body(body.into_bytes())?)
            }
            Step::Fail => Err("connection refused".into()),
            Step::Hang => pending().await,
        }
    }
}

fn poller(transmitter: Transmitter) -> EventPoller {
    let clock = Clock::from_source(TokioTime { start: transmitter.start, monotonic: Instant::now() });
    let revocations = Revocations::builder().clock(clock.clone()).build().unwrap();
    SharedSignals::builder()
        .transmitter("https://a.example")
        .audience("api")
        .revocations(&revocations)
        .http_client(transmitter)
        .clock(clock)
        .build_poller("https://a.example/poll", async || Ok("Bearer t".to_owned()))
        .unwrap()
}

/// Runs a poller until the steps are over, and returns when it sent each request, in milliseconds, and the bodies.
async fn requests(steps: &[Step]) -> (Vec<u128>, Vec<String>) {
    let requests = Arc::default();
    let transmitter = Transmitter { start: time::Instant::now(), steps: steps.into(), requests: Arc::clone(&requests) };
    let polling = tokio::spawn(poller(transmitter).run());
    while requests.lock().unwrap().len() <= steps.len() {
        sleep(Duration::from_millis(1)).await;
    }
    polling.abort();
    let requests = requests.lock().unwrap().clone();
    requests.into_iter().unzip()
}

#[tokio::test(start_paused = true)]
async fn the_back_off_is_a_second_and_doubles_up_to_a_minute() {
    let mut steps = vec![respond(500, "x", ""); 5];
    steps.extend([Step::Fail, respond(200, "x", "{}"), respond(200, "x", EMPTY), respond(503, "x", "")]);
    let (times, bodies) = requests(&steps).await;
    // After the success, whose response arrived at once, a second; after the next failure a second again.
    let waits: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 1, 1], "{times:?}");
    let asked =
        |number: usize| serde_json::from_str::<serde_json::Value>(&bodies[number]).unwrap()["maxEvents"].clone();
    assert_eq!([asked(0), asked(1), asked(7), asked(8), asked(9)], [32, 1, 1, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_up_to_a_minute() {
    let steps = [respond(429, "30", ""), respond(503, "3600", ""), respond(429, "1", "")];
    assert_eq!(requests(&steps).await.0, [0, 30_000, 90_000, 94_000]);
}

#[tokio::test(start_paused = true)]
async fn a_transmitter_that_does_not_hold_requests_is_polled_once_a_second() {
    let held =
        |seconds: u32| Step::Respond { held: seconds * SECOND, status: 200, retry_after: "", body: EMPTY.into() };
    let steps = [respond(200, "", EMPTY), respond(200, "", EMPTY), held(20), held(60), respond(200, "", EMPTY)];
    assert_eq!(requests(&steps).await.0, [0, 1_000, 2_000, 22_000, 82_000, 83_000]);
}

#[tokio::test(start_paused = true)]
async fn after_invalid_tokens_the_next_poll_starts_in_a_second_even_if_they_are_new() {
    let tokens = |id: &str| respond(200, "", format!(r#"{{"sets":{{"{id}":"a.b.c"}},"moreAvailable":true}}"#));
    let steps = [tokens("1"), tokens("2"), tokens("2"), tokens("3"), respond(200, "", EMPTY)];
    let (times, bodies) = requests(&steps).await;
    assert_eq!(times, [0, 1_000, 2_000, 3_000, 4_000, 5_000]);
    for (number, id) in [(1, "1"), (2, "2"), (3, "2"), (4, "3")] {
        assert!(bodies[number].contains(&format!(r#""setErrs":{{"{id}":{{"#)), "{number} {}", bodies[number]);
    }
    assert!(!bodies[5].contains("setErrs"));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_response_times_out_after_90_seconds() {
    assert_eq!(requests(&[Step::Hang, Step::Hang]).await.0, [0, 91_000, 183_000]);
}

#[tokio::test(start_paused = true)]
async fn without_an_authorization_no_request_is_sent() {
    let requests: Arc<Mutex<Vec<_>>> = Arc::default();
    let transmitter = Transmitter { start: time::Instant::now(), steps: [].into(), requests: Arc::clone(&requests) };
    let mut poller = poller(transmitter);
    let calls = Mutex::new(0);
    poller.authorization = PollAuthorization::new(move || {
        *calls.lock().unwrap() += 1;
        let result = match *calls.lock().unwrap() {
            1 => Err("the token endpoint is down".into()),
            2 => Ok("line\nbreak".to_owned()),
            _ => Ok("Bearer t".to_owned()),
        };
        async { result }
    });
    let polling = tokio::spawn(poller.run());
    sleep(4 * SECOND).await;
    polling.abort();
    let times: Vec<_> = requests.lock().unwrap().iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [3_000]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_app_ends_no_polling() {
    let requests: Arc<Mutex<Vec<_>>> = Arc::default();
    let transmitter = Transmitter { start: time::Instant::now(), steps: [].into(), requests: Arc::clone(&requests) };
    let mut poller = poller(transmitter);
    let calls = Mutex::new(0);
    poller.authorization = PollAuthorization::new(move || {
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls += 1;
        assert_ne!(*calls, 1, "before the future");
        let is_second = *calls == 2;
        async move {
            assert!(!is_second, "in the future");
            Ok("Bearer t".to_owned())
        }
    });
    let polling = tokio::spawn(poller.run());
    sleep(4 * SECOND).await;
    polling.abort();
    let times: Vec<_> = requests.lock().unwrap().iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [3_000]);
}

#[test]
fn without_timers_the_poller_ends() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let steps: Arc<[Step]> = [].into();
    runtime.block_on(async {
        let transmitter = Transmitter { start: time::Instant::now(), steps, requests: Arc::default() };
        poller(transmitter).run().await;
    });
}
