//! Tests of the methods of a session without random bytes.

use std::time::Duration;

use http::{Request, Response, StatusCode};

use super::*;
use crate::gate::{Denial, Entry, Gate};
use crate::session::gate::{SessionAuth, SessionPass};
use crate::session::memory::MemorySessions;
use crate::session::random::failure;
use crate::session::store::SessionStore;

/// A request that the layer has admitted, with its session.
fn enter(sessions: &SessionAuth, cookie: Option<&str>) -> (Session, SessionPass) {
    let mut request = Request::get("/");
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    let mut head = request.body(()).unwrap().into_parts().0;
    let Entry::Admit(pass) = sessions.enter(&mut head) else { panic!("rejected, or looked up") };
    (Session::from_extensions(&head.extensions).unwrap(), pass)
}

fn set_cookie(sessions: &SessionAuth, pass: SessionPass) -> Option<String> {
    let mut response = Response::new(());
    sessions.leave(pass, &mut response);
    response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn without_random_bytes_every_method_is_503_and_changes_nothing() {
    let store = MemorySessions::new();
    let sessions = SessionAuth::builder().store(store.clone()).optional().build().unwrap();
    let (session, pass) = enter(&sessions, None);
    let user = || UserContext::new("ann");
    failure::set(true);
    let error = session.log_in(user()).await.unwrap_err();
    assert_eq!(set_cookie(&sessions, pass), None);
    assert_eq!(store.find_by_owner(None, "ann").await.unwrap().len(), 0);
    failure::set(false);
    let (session, pass) = enter(&sessions, None);
    let id = session.log_in(user()).await.unwrap();
    let cookie = set_cookie(&sessions, pass).unwrap();
    let cookie = cookie.split(';').next().unwrap();

    let (session, pass) = enter(&sessions, Some(cookie));
    failure::set(true);
    let errors = [
        error,
        session.log_in(user()).await.unwrap_err(),
        session.renew().await.unwrap_err(),
        session.confirm("2", ["otp"]).await.unwrap_err(),
        session.csrf_token().unwrap_err(),
    ];
    failure::set(false);
    for error in errors {
        assert!(matches!(error, SessionError::RandomUnavailable), "{error:?}");
        assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(Denial::from(error).retry_after(), Some(Duration::from_secs(1)));
    }
    // The session that the request came with is as before.
    assert_eq!((session.id(), set_cookie(&sessions, pass)), (Some(id), None));
    let (session, _) = enter(&sessions, Some(cookie));
    assert_eq!(session.id(), Some(id));
}

#[test]
fn ends_are_kept_in_one_process_for_the_idle_timeout() {
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let sessions = SessionAuth::builder().store(MemorySessions::new());
    let sessions = sessions.idle_timeout(hours(2)).absolute_timeout(hours(24 * 30)).build().unwrap();
    assert_eq!(sessions.policy.revocations.max_token_lifetime(), hours(2));
}
