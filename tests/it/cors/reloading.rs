//! `reload`: replaces the policy of all clones, or keeps the current one.

use portcullis::{Cors, IssueKind};

use super::{App, FOREIGN, PAGE, assert_unreadable, for_page, header, origins};

async fn can_read(app: &App, origin: &str) -> bool {
    header(&app.get(origin).await.headers, "access-control-allow-origin").is_some()
}

#[tokio::test]
async fn reload_replaces_the_policy_of_all_clones() {
    let cors = for_page().build().unwrap();
    let apps = [App::behind(cors.clone()), App::behind(cors.clone())];
    for app in &apps {
        assert!(can_read(app, PAGE).await && !can_read(app, FOREIGN).await);
    }
    cors.reload(Cors::builder().origins(origins([FOREIGN])).allow_methods(["PUT"]).allow_credentials()).unwrap();
    for app in &apps {
        assert!(!can_read(app, PAGE).await && can_read(app, FOREIGN).await);
        let response = app.get(FOREIGN).await;
        assert_eq!(header(&response.headers, "access-control-allow-credentials"), Some("true"));
        let headers = [("origin", FOREIGN), ("access-control-request-method", "PUT")];
        assert_eq!(app.options(&headers).await.status, 204);
    }
    cors.reload(Cors::builder().any_origin()).unwrap();
    assert!(can_read(&apps[0], PAGE).await && can_read(&apps[1], PAGE).await);
}

#[tokio::test]
async fn an_invalid_policy_is_rejected_and_the_current_one_stays() {
    let cors = for_page().build().unwrap();
    let app = App::behind(cors.clone());
    let error = cors.reload(Cors::builder().any_origin().allow_credentials().allow_methods(["TRACE"])).unwrap_err();
    let issues: Vec<_> = error.issues().iter().map(|issue| (issue.setting(), issue.kind())).collect();
    assert_eq!(issues, [("any_origin", IssueKind::Prohibited), ("allow_methods", IssueKind::Prohibited)]);
    assert!(can_read(&app, PAGE).await);
    assert_unreadable(&app.get(FOREIGN).await);
}

#[tokio::test]
async fn a_request_keeps_the_policy_that_it_started_with() {
    let cors = for_page().allow_credentials().build().unwrap();
    let inner = cors.clone();
    let handler = axum::routing::get(move || async move {
        inner.reload(Cors::builder().any_origin()).unwrap();
    });
    let app = axum::Router::new().route("/", handler).layer(cors);
    let response = crate::support::response::TestResponse::get(&app, "/", &[("origin", PAGE)]).await;
    assert_eq!(header(&response.headers, "access-control-allow-origin"), Some(PAGE));
    let response = crate::support::response::TestResponse::get(&app, "/", &[("origin", PAGE)]).await;
    assert_eq!(header(&response.headers, "access-control-allow-origin"), Some("*"));
}
