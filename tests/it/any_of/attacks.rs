//! Requests that try to be handled by another gate than the one whose credential they have.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use portcullis::AnyOf;

use super::{App, bearer, keys, outcome, rejection, router, sessions};
use crate::support::response::TestResponse;
use crate::support::tokens::compatible_auth;

#[tokio::test]
async fn several_cookies_of_an_inner_any_of_are_several_credentials() {
    let tokens = compatible_auth().cookie("token").build().unwrap();
    let inner = AnyOf::new((tokens, sessions())).unwrap();
    let auth = AnyOf::new((inner, keys())).unwrap();
    let [default, exact] = [auth.clone(), auth.exactly_one()].map(|auth| router(auth, Arc::new(AtomicUsize::new(0))));
    let bearer = bearer();
    let token = bearer.strip_prefix("Bearer ").unwrap();
    let both = format!("session=s1; token={token}");
    assert_eq!(outcome(&TestResponse::get(&default, "/", &[("cookie", &both)]).await), (200, "user-1"));
    let response = TestResponse::get(&exact, "/", &[("cookie", &both)]).await;
    assert_eq!(rejection(&response), (400, "credential_repeated"));
    for one in ["session=s1", "session=s1; token=", "session=s1; other=x"] {
        assert_eq!(outcome(&TestResponse::get(&exact, "/", &[("cookie", one)]).await), (200, "sue"), "{one}");
    }
}

#[tokio::test]
async fn odd_texts_reach_no_handler_and_no_other_gate() {
    let app = App::new();
    for (lines, status) in [
        (&[("authorization", "Bearer\tacme_live_good")][..], 400),
        (&[("authorization", "Bearer acme_live_good acme_live_good")], 400),
        (&[("authorization", "Bearer acme_live_good,")], 400),
        (&[("authorization", "Bearer acme_live_good, Basic YTpi")], 400),
        (&[("authorization", "ApiKey")], 400),
        (&[("authorization", "ApiKey ")], 400),
        (&[("authorization", "ApiKey=acme_live_good")], 400),
        (&[("authorization", "ApiKey: acme_live_good")], 400),
        (&[("authorization", "Bearer  ACME_LIVE_good")], 401),
        (&[("authorization", "Bearer \"acme_live_good\"")], 401),
        (&[("authorization", "")], 401),
        (&[("authorization", ""), ("x-api-key", "acme_live_good")], 400),
        (&[("authorization", "Basic YTpi"), ("X-API-KEY", "acme_live_good")], 400),
        (&[("x-api-key", "acme_live_good"), ("X-Api-Key", "acme_live_good")], 400),
        (&[("x-api-key", "acme_live_good, acme_live_good")], 400),
        (&[("x-api-key", "")], 400),
        (&[("cookie", "session=s1; session=s1")], 400),
        (&[("cookie", "session=s1"), ("cookie", "session=s2")], 400),
        (&[("cookie", "session=\u{e4}")], 401),
        (&[("cookie", "SESSION=s1")], 401),
    ] {
        let response = app.get(lines).await;
        assert_eq!(response.status, status, "{lines:?}");
    }
    assert_eq!(app.handler_calls(), 0);
}
