//! `reload`: another policy for all clones, or the one that stands.

use portcullis::{Cors, IssueKind};

use super::{App, FOREIGN, PAGE, is_unreadable, line, of, page};

async fn reads(app: &App, origin: &str) -> bool {
    line(&app.get(origin).await.headers, "access-control-allow-origin").is_some()
}

#[tokio::test]
async fn reload_puts_another_policy_into_all_clones() {
    let cors = page().build().unwrap();
    let apps = [App::behind(cors.clone()), App::behind(cors.clone())];
    for app in &apps {
        assert!(reads(app, PAGE).await && !reads(app, FOREIGN).await);
    }
    cors.reload(Cors::builder().origins(of([FOREIGN])).allow_methods(["PUT"]).allow_credentials()).unwrap();
    for app in &apps {
        assert!(!reads(app, PAGE).await && reads(app, FOREIGN).await);
        let answer = app.get(FOREIGN).await;
        assert_eq!(line(&answer.headers, "access-control-allow-credentials"), Some("true"));
        let fields = [("origin", FOREIGN), ("access-control-request-method", "PUT")];
        assert_eq!(app.options(&fields).await.status, 204);
    }
    cors.reload(Cors::builder().any_origin()).unwrap();
    assert!(reads(&apps[0], PAGE).await && reads(&apps[1], PAGE).await);
}

#[tokio::test]
async fn a_wrong_policy_is_refused_and_the_one_that_stands_is_kept() {
    let cors = page().build().unwrap();
    let app = App::behind(cors.clone());
    let error = cors.reload(Cors::builder().any_origin().allow_credentials().allow_methods(["TRACE"])).unwrap_err();
    let faults: Vec<_> = error.issues().iter().map(|problem| (problem.setting(), problem.kind())).collect();
    assert_eq!(faults, [("any_origin", IssueKind::Prohibited), ("methods", IssueKind::Prohibited)]);
    assert!(reads(&app, PAGE).await);
    is_unreadable(&app.get(FOREIGN).await);
}

#[tokio::test]
async fn a_request_is_answered_by_the_policy_that_it_met() {
    let cors = page().allow_credentials().build().unwrap();
    let inner = cors.clone();
    let handler = axum::routing::get(move || async move {
        inner.reload(Cors::builder().any_origin()).unwrap();
    });
    let app = axum::Router::new().route("/", handler).layer(cors);
    let answer = crate::support::response::TestResponse::get(&app, "/", &[("origin", PAGE)]).await;
    assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some(PAGE));
    let answer = crate::support::response::TestResponse::get(&app, "/", &[("origin", PAGE)]).await;
    assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some("*"));
}
