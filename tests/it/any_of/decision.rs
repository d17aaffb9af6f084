//! Which gate decides about a request.

use super::{App, DECIDED_BY, bearer, outcome, rejection};

#[tokio::test]
async fn each_credential_is_accepted_by_its_gate_alone() {
    let app = App::new();
    let bearer = bearer();
    let token = bearer.strip_prefix("Bearer ").unwrap();
    for (name, value, user, lookups) in [
        ("authorization", &*bearer, "user-1", [0, 0, 0]),
        ("cookie", &*format!("token={token}"), "user-1", [0, 0, 0]),
        ("authorization", "ApiKey acme_live_good", "robot", [1, 0, 0]),
        ("authorization", "bearer acme_live_good", "robot", [2, 0, 0]),
        ("x-api-key", "acme_live_good", "robot", [3, 0, 0]),
        ("cookie", "theme=dark; session=s1", "sue", [3, 1, 0]),
    ] {
        let response = app.get(&[(name, value)]).await;
        assert_eq!(outcome(&response), (200, user), "{name}: {value}");
        assert_eq!(app.lookups(), lookups, "{name}: {value}");
        let decided_by = response.headers.get(DECIDED_BY).map(|value| value.to_str().unwrap());
        assert_eq!(decided_by, (user != "user-1").then(|| format!("app: {user}")).as_deref());
    }
    assert_eq!(outcome(&app.get_with_certificate("c1", &[]).await), (200, "carl"));
    assert_eq!(app.lookups(), [3, 1, 1]);
}

#[tokio::test]
async fn an_invalid_credential_is_rejected_and_no_other_gate_runs() {
    let app = App::new();
    for (name, value, code, lookups) in [
        ("authorization", "Bearer a.b.c", "token_encoding_invalid", [0, 0, 0]),
        ("authorization", "Bearer opaque", "token_segments_invalid", [0, 0, 0]),
        ("authorization", "ApiKey unknown", "credential_invalid", [1, 0, 0]),
        ("x-api-key", "unknown", "credential_invalid", [2, 0, 0]),
        ("cookie", "session=unknown", "credential_invalid", [2, 1, 0]),
        ("cookie", "token=a.b.c", "token_encoding_invalid", [2, 1, 0]),
    ] {
        let response = app.get(&[(name, value)]).await;
        assert_eq!(rejection(&response), (401, code), "{name}: {value}");
        assert_eq!(app.lookups(), lookups, "{name}: {value}");
    }
    assert_eq!(app.handler_calls(), 0);
}

#[tokio::test]
async fn an_invalid_explicit_credential_beside_a_valid_cookie_is_401() {
    let app = App::new();
    for (name, value) in [
        ("authorization", "Bearer a.b.c"),
        ("authorization", "Bearer acme_live_bad"),
        ("authorization", "ApiKey bad"),
        ("x-api-key", "bad"),
    ] {
        let response = app.get_with_certificate("c1", &[(name, value), ("cookie", "session=s1")]).await;
        assert_eq!(response.status, 401, "{name}: {value}");
    }
    assert_eq!((app.handler_calls(), app.lookups()[1..].iter().sum()), (0, 0_usize));
}

#[tokio::test]
async fn two_explicit_credentials_are_400_also_if_no_gate_reads_one_of_the_schemes() {
    let app = App::new();
    let bearer = bearer();
    for headers in [
        &[("authorization", &*bearer), ("authorization", &*bearer)][..],
        &[("authorization", &*bearer), ("x-api-key", "acme_live_good")],
        &[("authorization", "Basic YTpi"), ("x-api-key", "acme_live_good")],
        &[("authorization", "Basic YTpi"), ("authorization", &*bearer)],
        &[("authorization", "ApiKey acme_live_good"), ("x-api-key", "acme_live_good")],
        &[("x-api-key", "acme_live_good"), ("x-api-key", "acme_live_good")],
        &[("authorization", "Bearer acme_live_good, Bearer acme_live_good")],
    ] {
        let response = app.get(headers).await;
        assert_eq!(rejection(&response), (400, "credential_repeated"), "{headers:?}");
        assert!(response.body.contains(r#""error":"invalid_request""#), "{}", response.body);
    }
    assert_eq!((app.handler_calls(), app.lookups()), (0, [0; 3]));
}

#[tokio::test]
async fn a_valid_api_key_beside_an_invalid_token_is_400() {
    let app = App::new();
    let response = app.get(&[("x-api-key", "acme_live_good"), ("authorization", "Bearer bad")]).await;
    assert_eq!(rejection(&response), (400, "credential_repeated"));
    assert_eq!((app.handler_calls(), app.lookups()), (0, [0; 3]));
}

#[tokio::test]
async fn an_explicit_credential_decides_beside_a_cookie_that_is_not_looked_up() {
    let app = App::new();
    for cookie in ["session=s1", "session=unknown", "session=s1; session=s1"] {
        let response = app.get(&[("authorization", &bearer()), ("cookie", cookie)]).await;
        assert_eq!(outcome(&response), (200, "user-1"), "{cookie}");
        assert!(!response.headers.contains_key("set-cookie"));
        let response = app.get_with_certificate("c1", &[("x-api-key", "acme_live_good"), ("cookie", cookie)]).await;
        assert_eq!(outcome(&response), (200, "robot"), "{cookie}");
    }
    assert_eq!(app.lookups(), [3, 0, 0]);
}

#[tokio::test]
async fn a_token_in_the_header_and_in_the_gates_own_cookie_is_400() {
    let app = App::new();
    let bearer = bearer();
    let cookie = bearer.replace("Bearer ", "token=");
    let response = app.get(&[("authorization", &bearer), ("cookie", &cookie)]).await;
    assert_eq!(rejection(&response), (400, "credential_repeated"));
}

#[tokio::test]
async fn exactly_one_rejects_an_explicit_credential_beside_an_ambient_one() {
    let app = App::with(|auth| auth.exactly_one());
    let bearer = bearer();
    for header in [("authorization", &*bearer), ("x-api-key", "acme_live_good"), ("cookie", "session=s1")] {
        assert_eq!(app.get(&[header]).await.status, 200);
        let response = app.get_with_certificate("c1", &[header]).await;
        assert_eq!(rejection(&response), (400, "credential_repeated"), "{header:?}");
    }
    for (name, value) in [("authorization", &*bearer), ("x-api-key", "acme_live_good")] {
        for cookie in ["session=s1", "session=unknown", "token=a.b.c"] {
            let response = app.get(&[(name, value), ("cookie", cookie)]).await;
            assert_eq!(rejection(&response), (400, "credential_repeated"), "{name} and {cookie}");
        }
        assert_eq!(app.get(&[(name, value), ("cookie", "theme=dark; session=")]).await.status, 200);
    }
    assert_eq!(outcome(&app.get_with_certificate("c1", &[]).await), (200, "carl"));
}

#[tokio::test]
async fn an_authorization_that_no_gate_reads_counts_as_nothing_if_it_is_alone() {
    let app = App::new();
    for value in ["Basic YTpi", "Negotiate", "a b c", ""] {
        let response = app.get(&[("authorization", value), ("cookie", "session=s1")]).await;
        assert_eq!(outcome(&response), (200, "sue"), "{value}");
        let response = app.get(&[("authorization", value)]).await;
        assert_eq!(rejection(&response), (401, "credentials_missing"), "{value}");
        assert!(!response.body.contains("\"error\""), "{}", response.body);
    }
}

#[tokio::test]
async fn of_several_ambient_credentials_the_first_gate_decides_and_a_revoked_session_does_not_fall_through() {
    let app = App::new();
    let response = app.get_with_certificate("c1", &[("cookie", "session=s1")]).await;
    assert_eq!(outcome(&response), (200, "sue"));
    let response = app.get_with_certificate("c1", &[("cookie", "session=revoked")]).await;
    assert_eq!(rejection(&response), (401, "credential_invalid"));
    let response = app.get_with_certificate("c1", &[("cookie", "session=s1; token=a.b.c")]).await;
    assert_eq!(rejection(&response), (401, "token_encoding_invalid"));
    assert_eq!(app.lookups(), [0, 2, 0]);
    // An empty cookie is none: apps empty a cookie when a user logs out.
    let response = app.get_with_certificate("c1", &[("cookie", "session=; token=")]).await;
    assert_eq!(outcome(&response), (200, "carl"));
}

#[tokio::test]
async fn a_credential_only_in_the_query_is_none() {
    let app = App::new();
    let bearer = bearer();
    let token = bearer.strip_prefix("Bearer ").unwrap();
    for query in [&*format!("access_token={token}"), "x-api-key=acme_live_good", "session=s1", "ApiKey=acme_live_good"]
    {
        let path = format!("/?{query}");
        let response = crate::support::response::TestResponse::get(&app.router, &path, &[]).await;
        assert_eq!(rejection(&response), (401, "credentials_missing"), "{query}");
    }
    assert_eq!((app.handler_calls(), app.lookups()), (0, [0; 3]));
}
