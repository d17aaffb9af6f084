//! An `EventSource` whose token ends.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::response::sse::Event;
use axum::response::{Html, Sse};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use portcullis::revocation::Revocation;
use portcullis::testing::{FakeClock, TokenBuilder};
use portcullis::{EndStreams, Issuer, JwtAuth, Revocations};

use super::{Chromium, Site};

const ISSUER: &str = "https://auth.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Opens an event stream, and records what the page sees of it.
const OPEN: &str = "
    window.seen = [];
    window.source = new EventSource('/events');
    source.onmessage = (event) => seen.push(event.data);
    source.onerror = () => {
        seen.push(source.readyState === EventSource.CLOSED ? 'closed' : 'connecting');
        if (source.readyState === EventSource.CLOSED) window.closed_at_last();
    };
    window.is_closed = new Promise((resolve) => { window.closed_at_last = resolve; });
    new Promise((resolve) => { source.addEventListener('message', resolve, { once: true }); }).then(() => seen[0])
";

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_event_source_ends_with_its_token_and_gets_401_when_it_connects_again() {
    for revokes in [false, true] {
        let clock = FakeClock::new();
        let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
        let auth = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).first_party()).audience("api");
        let auth = auth.cookie("token").clock(clock.clock()).revocations(&revocations).build().unwrap();
        let events = async || {
            // The browser connects again after 10 ms, and not after seconds.
            let first = Ok::<_, Infallible>(Event::default().data("4.2").retry(Duration::from_millis(10)));
            Sse::new(stream::iter([first]).chain(stream::pending()))
        };
        let app = Router::new().route("/events", get(events)).layer(EndStreams::new()).layer(auth);
        let site = Site::of(app.route("/", get(async || Html("<!doctype html><title>Prices</title>"))));
        let token = TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("api");
        let token = token.expires_in(Duration::from_secs(300)).sign();

        let browser = Chromium::start();
        let tab = browser.open(&site.url("/"));
        tab.run(&format!("document.cookie = 'token={token}'"));
        assert_eq!(tab.run(OPEN), "4.2");
        site.log();
        if revokes {
            let subject = Revocation::subject(ISSUER, "ann");
            futures_util::FutureExt::now_or_never(revocations.revoke_by(subject)).unwrap().unwrap();
        } else {
            clock.advance(Duration::from_secs(361));
        }
        // The stream ends cleanly, so the browser connects again. The 401 closes the source for good.
        assert_eq!(tab.run("is_closed.then(() => seen.join())"), "4.2,connecting,closed");
        assert_eq!(site.log(), ["GET /events"]);
    }
}
