//! The example `api_keys`: each route with each status, and attempts to get more than a user has.

use serde_json::{Value, json};

use crate::support::curl_command::CurlResponse;
use crate::support::running_example::RunningExample;

/// The running example, with a key of Ann.
struct ApiKeys {
    example: RunningExample,
    commands: [String; 12],
    /// The start of the URLs, such as `http://127.0.0.1:40123`.
    origin: String,
}

impl ApiKeys {
    fn start() -> Self {
        let mut example = RunningExample::start("api_keys");
        let commands: [String; 12] = example.next_commands();
        let (origin, _) = commands[0].strip_prefix("curl -i ").unwrap().split_once("/reports").unwrap();
        Self { origin: origin.to_owned(), commands, example }
    }

    /// Sends a request such as `POST /keys` with a credential such as `Bearer $ANN`.
    async fn send(&self, request: &str, credential: &str) -> CurlResponse {
        let (method, path) = request.split_once(' ').unwrap();
        let command = format!("curl {}{path} -H \"Authorization: {credential}\" -X {method}", self.origin);
        self.example.curl(&command).await
    }

    async fn send_json(&self, request: &str, credential: &str, body: &Value) -> CurlResponse {
        let (method, path) = request.split_once(' ').unwrap();
        let json = format!("-H 'Content-Type: application/json' -d '{body}'");
        let command = format!("curl {}{path} -H \"Authorization: {credential}\" {json} -X {method}", self.origin);
        self.example.curl(&command).await
    }

    async fn status(&self, request: &str, credential: &str) -> u16 {
        self.send(request, credential).await.status
    }

    /// Creates a key of Ann, and returns the response's body.
    async fn create(&self, body: &Value) -> Value {
        let response = self.send_json("POST /keys", ANN, body).await;
        assert_eq!(response.status, 201, "{}", response.body);
        parse(&response)
    }

    fn key_id(&self) -> &str {
        &self.example.exports()["KEY_ID"]
    }
}

fn parse(response: &CurlResponse) -> Value {
    serde_json::from_str(&response.body).unwrap_or_else(|_| panic!("{response:?}"))
}

const ANN: &str = "Bearer $ANN";
/// May read reports, and not write any.
const BOB: &str = "Bearer $BOB";
const KEY: &str = "ApiKey $KEY";

/// The routes that manage keys; `*` is the id of a key.
const ROUTES: [&str; 6] =
    ["GET /keys", "POST /keys", "PATCH /keys/*", "PATCH /keys/*/rotate", "DELETE /keys/*", "POST /logout-everywhere"];

#[tokio::test]
async fn printed_curl_commands_get_the_status_for_the_user_and_the_key() {
    let ApiKeys { example, commands, .. } = ApiKeys::start();
    let statuses = example.curl_all(commands).await.map(|response| response.status);
    assert_eq!(statuses, [200, 403, 200, 201, 403, 403, 200, 201, 200, 404, 204, 401]);
}

#[tokio::test]
async fn a_key_is_created_shown_once_and_then_listed_without_its_text() {
    let keys = ApiKeys::start();
    let response = keys.send_json("POST /keys", ANN, &json!({ "name": "backup", "scopes": ["read:reports"] })).await;
    assert_eq!((response.status, response.header("cache-control")), (201, "no-store"));
    let created = parse(&response);
    let text = created["key"].as_str().unwrap();
    let start = format!("acme_live_{}", created["id"].as_str().unwrap());
    assert_eq!(created["redacted"].as_str().unwrap(), format!("{start}..."));
    assert!(text.starts_with(&start), "{created}");
    assert_eq!((&created["name"], &created["scopes"]), (&json!("backup"), &json!(["read:reports"])));
    let lifetime = created["expires_at"].as_u64().unwrap() - created["created_at"].as_u64().unwrap();
    // Rounded up to a whole second.
    assert!((365 * 86_400..=365 * 86_400 + 1).contains(&lifetime), "{lifetime}");
    assert!(created["warning"].as_str().unwrap().contains("not shown again"));
    assert_eq!(keys.status("GET /reports", &format!("ApiKey {text}")).await, 200);
    assert_eq!(keys.status("GET /reports", &format!("Bearer {text}")).await, 200);

    let list = keys.send("GET /keys", ANN).await;
    let listed = parse(&list);
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ci", "backup"]);
    assert_eq!(listed[1]["id"], created["id"]);
    assert_eq!((&listed[1]["is_active"], &listed[1]["usage_count"]), (&json!(true), &json!(0)));
    assert!(!list.body.contains(text) && !list.body.contains("digest"), "{}", list.body);
    assert_eq!(parse(&keys.send("GET /keys", BOB).await), json!([]), "the keys of another user");
}

#[tokio::test]
async fn a_caller_gives_a_key_no_scope_that_it_lacks() {
    let keys = ApiKeys::start();
    for (credential, scopes) in
        [(BOB, json!(["write:reports"])), (BOB, json!(["read:reports", "admin"])), (ANN, json!(["*"]))]
    {
        let response = keys.send_json("POST /keys", credential, &json!({ "name": "more", "scopes": scopes })).await;
        assert_eq!(response.status, 403, "{scopes}");
        assert_eq!(parse(&response)["code"], "insufficient_scope");
    }
    let change = format!("PATCH /keys/{}", keys.key_id());
    assert_eq!(keys.send_json(&change, ANN, &json!({ "scopes": ["admin"] })).await.status, 403);
    assert_eq!(keys.send_json(&change, BOB, &json!({ "scopes": ["write:reports"] })).await.status, 403);
    // A key without scopes may do nothing.
    let created = keys.create(&json!({ "name": "none" })).await;
    let none = format!("ApiKey {}", created["key"].as_str().unwrap());
    assert_eq!(keys.status("GET /reports", &none).await, 403);
    let listed = parse(&keys.send("GET /keys", ANN).await);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["scopes"]), (2, &json!(["read:reports"])));
}

#[tokio::test]
async fn a_key_manages_no_keys() {
    let keys = ApiKeys::start();
    let body = json!({ "name": "more", "scopes": ["read:reports"] });
    for route in ROUTES {
        let route = route.replace('*', keys.key_id());
        for response in [keys.send(&route, KEY).await, keys.send_json(&route, KEY, &body).await] {
            assert_eq!(
                (response.status, &parse(&response)["code"]),
                (403, &json!("credential_not_accepted")),
                "{route}"
            );
        }
        assert_eq!(keys.status(&route, "None none").await, 401, "{route}");
    }
    assert_eq!(keys.status("GET /reports", KEY).await, 200);
}

#[tokio::test]
async fn the_key_of_another_user_gets_the_response_of_an_unknown_one() {
    let keys = ApiKeys::start();
    for route in &ROUTES[2..5] {
        let mut bodies = Vec::new();
        for id in [keys.key_id(), "AAAAAAAAAAAA", "unknown"] {
            let response = keys.send_json(&route.replace('*', id), BOB, &json!({ "grace_hours": 0 })).await;
            let response = match *route {
                "PATCH /keys/*" => keys.send_json(&route.replace('*', id), BOB, &json!({ "name": "mine" })).await,
                _ => response,
            };
            assert_eq!(response.status, 404, "{route} {id}");
            bodies.push(response.body);
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    }
    assert_eq!(keys.status("GET /reports", KEY).await, 200);
    assert_eq!(parse(&keys.send("GET /keys", ANN).await)[0]["name"], "ci");
}

#[tokio::test]
async fn scopes_and_the_name_of_a_key_change_at_once() {
    let keys = ApiKeys::start();
    assert_eq!(keys.status("POST /reports", KEY).await, 403);
    let route = format!("PATCH /keys/{}", keys.key_id());
    let changed = keys.send_json(&route, ANN, &json!({ "scopes": ["write:reports"] })).await;
    assert_eq!((changed.status, &parse(&changed)["scopes"]), (200, &json!(["write:reports"])));
    assert_eq!(keys.status("POST /reports", KEY).await, 201);
    assert_eq!(keys.status("GET /reports", KEY).await, 403);
    let changed = keys.send_json(&route, ANN, &json!({ "name": "deploy" })).await;
    let changed = parse(&changed);
    assert_eq!((&changed["name"], &changed["scopes"]), (&json!("deploy"), &json!(["write:reports"])));
}

#[tokio::test]
async fn both_texts_are_valid_after_a_rotation_unless_the_grace_period_is_zero() {
    let keys = ApiKeys::start();
    let route = format!("PATCH /keys/{}/rotate", keys.key_id());
    let response = keys.send(&route, ANN).await;
    assert_eq!((response.status, response.header("cache-control")), (200, "no-store"));
    let rotated = parse(&response);
    assert_eq!((rotated["id"].as_str(), &rotated["scopes"]), (Some(keys.key_id()), &json!(["read:reports"])));
    let second = format!("ApiKey {}", rotated["key"].as_str().unwrap());
    assert_eq!(keys.status("GET /reports", KEY).await, 200);
    assert_eq!(keys.status("GET /reports", &second).await, 200);

    let rotated = parse(&keys.send_json(&route, ANN, &json!({ "grace_hours": 0 })).await);
    let third = format!("ApiKey {}", rotated["key"].as_str().unwrap());
    for (credential, status) in [(KEY, 401), (&second, 401), (&third, 200)] {
        assert_eq!(keys.status("GET /reports", credential).await, status);
    }
}

#[tokio::test]
async fn a_revocation_is_final() {
    let keys = ApiKeys::start();
    let key = format!("/keys/{}", keys.key_id());
    assert_eq!(keys.status(&format!("DELETE {key}"), ANN).await, 204);
    assert_eq!(keys.status("GET /reports", KEY).await, 401);
    assert_eq!(keys.status(&format!("DELETE {key}"), ANN).await, 204, "a repeated request");
    assert_eq!(keys.status(&format!("PATCH {key}/rotate"), ANN).await, 404);
    assert_eq!(keys.send_json(&format!("PATCH {key}"), ANN, &json!({ "name": "ci" })).await.status, 404);
    assert_eq!(parse(&keys.send("GET /keys", ANN).await)[0]["is_active"], false);
}

#[tokio::test]
async fn a_user_has_at_most_ten_active_keys() {
    let keys = ApiKeys::start();
    let body = json!({ "name": "one of many" });
    for _ in 1..10 {
        keys.create(&body).await;
    }
    assert_eq!(keys.send_json("POST /keys", ANN, &body).await.status, 409);
    assert_eq!(keys.send_json("POST /keys", BOB, &body).await.status, 201);
    assert_eq!(keys.status(&format!("DELETE /keys/{}", keys.key_id()), ANN).await, 204);
    keys.create(&body).await;
}

#[tokio::test]
async fn a_logout_everywhere_ends_the_keys_and_the_tokens_of_the_user() {
    let keys = ApiKeys::start();
    assert_eq!(keys.status("GET /reports", KEY).await, 200);
    assert_eq!(keys.status("POST /logout-everywhere", ANN).await, 200);
    for (credential, status) in [(KEY, 401), (ANN, 401), (BOB, 200)] {
        assert_eq!(keys.status("GET /reports", credential).await, status, "{credential}");
    }
}

#[tokio::test]
async fn a_key_with_networks_is_valid_only_there() {
    let keys = ApiKeys::start();
    for (network, status) in [("127.0.0.0/8", 200), ("203.0.113.0/24", 403)] {
        let body = json!({ "name": "office", "scopes": ["read:reports"], "networks": [network] });
        let key = format!("ApiKey {}", keys.create(&body).await["key"].as_str().unwrap());
        let response = keys.send("GET /reports", &key).await;
        assert_eq!(response.status, status, "{network}");
        assert!(status == 200 || parse(&response)["code"] == "address_refused");
    }
}

#[tokio::test]
async fn invalid_bodies_create_no_key() {
    let keys = ApiKeys::start();
    for body in [
        json!({}),
        json!({ "name": "misspelled", "scope": ["read:reports"] }),
        json!({ "name": "a\u{7f}b" }),
        json!({ "name": "", "scopes": ["two words"] }),
        json!({ "name": "", "networks": ["203.0.113.0/33"] }),
        json!({ "name": "", "expires_in_days": 0 }),
        json!({ "name": "", "expires_in_days": -1 }),
    ] {
        let response = keys.send_json("POST /keys", ANN, &body).await;
        assert_eq!(response.status, 422, "{body}: {}", response.body);
    }
    assert_eq!(keys.status("POST /keys", ANN).await, 415, "no body");
    assert_eq!(parse(&keys.send("GET /keys", ANN).await).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_in_the_query_is_no_credential() {
    let keys = ApiKeys::start();
    let command = format!("curl -i {}/reports?api_key=$KEY", keys.origin);
    assert_eq!(keys.example.curl(&command).await.status, 401);
}
