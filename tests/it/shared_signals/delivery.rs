//! A token that is sent again, also at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[tokio::test]
async fn the_same_jti_again_gets_202_and_is_applied_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let app = Fixture::with(|builder| {
        builder.on_event(move |_| {
            let counter = Arc::clone(&counter);
            async move {
                // The other request arrives meanwhile.
                tokio::task::yield_now().await;
                counter.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        })
    })
    .await;
    let token = app.event_token(json!({ LEVEL_CHANGE: {} })).claim("jti", "j1");
    let (first, second) = tokio::join!(app.send(&token), app.send(&token));
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (202, 202));
    app.clock.advance(Duration::from_secs(3_600));
    assert_eq!(app.send(&token).await.status, 202);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(app.send(&token.claim("jti", "j2")).await.status, 202);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_that_is_sent_again_ends_no_later_login() {
    let app = Fixture::new().await;
    let token = app.session_revoked();
    assert_eq!(app.send(&token).await.status, 202);
    app.clock.advance(SECOND);
    let access = app.access_token("ann", "s1");
    assert_eq!(app.send(&token).await.status, 202);
    assert_eq!(app.api(&access).await, 200);
}
