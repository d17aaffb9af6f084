//! The example `quickstart`: the tokens and commands that it prints, and the responses in its documentation.

use std::time::{Duration, Instant};

use crate::support::redis_server::Server;
use crate::support::running_example::RunningExample;
use crate::support::tokens::now;

/// The running example, on a free port, with its printed commands.
struct Quickstart {
    example: RunningExample,
    commands: [String; 26],
    /// The start of the URLs, such as `http://127.0.0.1:40123`.
    origin: String,
}

impl Quickstart {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(variables: &[(&str, &str)]) -> Self {
        let mut example = RunningExample::start_with("quickstart", variables);
        let commands: [String; 26] = example.next_commands();
        let origin = commands[0].strip_prefix("curl -i ").unwrap().strip_suffix("/health").unwrap().to_owned();
        Self { example, commands, origin }
    }
}

/// The curl commands in the example's documentation, each with the response that follows it.
fn documented_responses() -> Vec<(String, String)> {
    let source = include_str!("../../../examples/quickstart.rs");
    let doc_lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let docs: Vec<&str> = doc_lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let docs = docs.join("\n");
    let mut responses = Vec::new();
    let mut fences = docs.split("```");
    while let Some(fence) = fences.next() {
        if let Some(command) = fence.strip_prefix("sh\n").filter(|text| text.starts_with("curl")) {
            let response = fences.nth(1).and_then(|text| text.strip_prefix("text\n")).unwrap();
            responses.push((command.trim().to_owned(), response.trim().to_owned()));
        }
    }
    responses
}

/// The body without the port of the issuer and the expiry of the token, which each run chooses.
fn without_changing_values(body: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<serde_json::Value>(body) else { return body.to_owned() };
    if let Some(issuer) = json["issuer"].as_str() {
        assert!(issuer.starts_with("http://127.0.0.1:"), "{issuer}");
        json["issuer"].take();
        if let Some(expires_at) = json.get_mut("expires_at") {
            assert!(expires_at.take().is_u64());
        }
    }
    json.to_string()
}

#[tokio::test]
async fn documented_curl_commands_are_printed_and_get_the_documented_responses() {
    let quickstart = Quickstart::start();
    let documented = documented_responses();
    assert_eq!(documented.len(), 7);
    for (command, expected) in documented {
        let command = command.replace("http://127.0.0.1:3000", &quickstart.origin);
        assert!(quickstart.commands.contains(&command), "{command}");
        let before = now();
        let response = quickstart.example.curl(&command).await;
        let after = now();
        let (head, body) = expected.split_once("\n\n").unwrap_or((&expected, ""));
        let mut head = head.lines();
        assert!(head.next().unwrap().starts_with(&format!("HTTP/1.1 {} ", response.status)), "{command}");
        for line in head {
            let (name, value) = line.split_once(": ").unwrap();
            if name == "x-ratelimit-reset" {
                let reset: u64 = response.header(name).parse().unwrap();
                assert!((before..=after + 3901).contains(&reset), "{command}: {reset}");
                continue;
            }
            let mut values = response.headers.get_all(name).iter();
            assert!(values.any(|actual| actual == value), "{command}: {name}: {:?}", response.headers);
        }
        assert_eq!(without_changing_values(&response.body), without_changing_values(body), "{command}");
    }
}

#[tokio::test]
async fn printed_curl_commands_get_the_status_for_their_tier_role_and_scope() {
    let Quickstart { example, commands, .. } = Quickstart::start();
    let statuses = example.curl_all(commands).await.map(|response| response.status);
    let [health, anonymous, expired, users @ .., logout, after_logout, preflight] = statuses;
    assert_eq!([health, anonymous, expired, preflight], [200, 401, 401, 204]);
    assert_eq!([logout, after_logout], [200, 401]);
    let (basic, professional) = ([200, 403, 403, 403], [200, 201, 403, 200]);
    let (enterprise, admin) = ([200, 201, 204, 200], [200, 201, 204, 200]);
    let api_key = [200, 201, 403, 403];
    assert_eq!(users.as_slice(), [basic, professional, enterprise, admin, api_key].concat());
}

/// The variables that the example exports.
const NAMES: [&str; 8] = [
    "ADMIN_TOKEN",
    "API_KEY",
    "BASIC_TOKEN",
    "ENTERPRISE_TOKEN",
    "EXPIRED_TOKEN",
    "ISSUER_URL",
    "LOGOUT_TOKEN",
    "PROFESSIONAL_TOKEN",
];

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn two_processes_with_one_redis_server_share_a_logout() {
    let server = Server::start();
    let redis_url = server.url();
    let first = Quickstart::start_with(&[("REDIS_URL", &redis_url)]);
    let issuer_url = &first.example.exports()["ISSUER_URL"];
    let second = Quickstart::start_with(&[("REDIS_URL", &redis_url), ("ISSUER_URL", issuer_url)]);

    let me = format!("curl -i {}/me -H \"Authorization: Bearer $LOGOUT_TOKEN\"", first.origin);
    let me_at_second = me.replace(&first.origin, &second.origin);
    wait_for_status(&first, &me, 200).await;
    wait_for_status(&first, &me_at_second, 200).await;
    let logout = me.replace("/me", "/logout -X POST");
    assert_eq!(first.example.curl(&logout).await.status, 200);
    assert_eq!(first.example.curl(&me).await.status, 401);
    wait_for_status(&first, &me_at_second, 401).await;
}

/// Sends a command until its response has this status, since a process first reads what is revoked.
async fn wait_for_status(quickstart: &Quickstart, command: &str, status: u16) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let response = quickstart.example.curl(command).await;
        if response.status == status {
            return;
        }
        assert!(Instant::now() < deadline, "{command}: {} instead of {status}", response.status);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_key_and_a_token_have_one_user_and_quota_and_a_key_does_not_log_out() {
    let quickstart = Quickstart::start();
    let send = async |request: &str, credential: &str| {
        let command = format!("curl -i {}{request} -H \"Authorization: {credential}\"", quickstart.origin);
        quickstart.example.curl(&command).await
    };
    let by_token = send("/me", "Bearer $BASIC_TOKEN").await;
    for (number, credential) in ["ApiKey $API_KEY", "Bearer $API_KEY"].into_iter().enumerate() {
        let by_key = send("/me", credential).await;
        let [token_user, key_user]: [serde_json::Value; 2] =
            [&by_token, &by_key].map(|response| serde_json::from_str(&response.body).unwrap());
        assert_eq!((&key_user["id"], &key_user["issuer"]), (&token_user["id"], &token_user["issuer"]));
        assert_eq!(key_user["credential"], "api_key");
        assert_eq!(by_key.header("x-ratelimit-remaining"), (98 - number).to_string());
    }
    let logout = send("/logout -X POST", "ApiKey $API_KEY").await;
    assert_eq!(logout.status, 403);
    assert!(logout.body.contains("credential_not_accepted"), "{}", logout.body);
    assert_eq!(send("/me", "ApiKey $API_KEY").await.status, 200);
}

#[tokio::test]
async fn each_tier_has_its_quota() {
    let Quickstart { example, commands, .. } = Quickstart::start();
    let mut exports: Vec<_> = example.exports().keys().map(String::as_str).collect();
    exports.sort_unstable();
    assert_eq!(exports, NAMES);
    for (tier, quota) in [("BASIC", "100"), ("PROFESSIONAL", "500"), ("ENTERPRISE", "2000")] {
        let command =
            commands.iter().find(|command| command.contains(&format!("/me -H \"Authorization: Bearer ${tier}")));
        assert_eq!(example.curl(command.unwrap()).await.header("x-ratelimit-limit"), quota, "{tier}");
    }
}

/// The permissions that the user of a command has.
async fn permissions(quickstart: &Quickstart, name: &str) -> Vec<String> {
    let token = format!("/me -H \"Authorization: Bearer ${name}_TOKEN\"");
    let command = quickstart.commands.iter().find(|command| command.ends_with(&token)).unwrap();
    let user: serde_json::Value = serde_json::from_str(&quickstart.example.curl(command).await.body).unwrap();
    user["permissions"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_role_grants_exactly_its_permissions() {
    let quickstart = Quickstart::start();
    let mut granted = Vec::new();
    for (name, more) in [
        (
            "BASIC",
            &[
                "create:valuation",
                "read:valuation",
                "create:document",
                "read:document",
                "read:market_data",
                "read:user_profile",
                "update:user_profile",
            ][..],
        ),
        (
            "PROFESSIONAL",
            &[
                "export:valuation",
                "read:analytics",
                "create:webhook",
                "read:webhook",
                "update:webhook",
                "delete:webhook",
                "export:document",
            ],
        ),
        ("ENTERPRISE", &["delete:valuation", "delete:document", "export:analytics", "read:billing"]),
    ] {
        granted.extend_from_slice(more);
        granted.sort_unstable();
        assert_eq!(permissions(&quickstart, name).await, granted, "{name}");
    }
    let actions = ["create", "read", "update", "delete", "execute", "export"];
    let resources =
        ["valuation", "document", "market_data", "analytics", "user_profile", "webhook", "billing", "admin"];
    let mut all = actions.map(|action| resources.map(|resource| format!("{action}:{resource}"))).concat();
    all.sort_unstable();
    assert_eq!(all.len(), 48);
    assert_eq!(permissions(&quickstart, "ADMIN").await, all);
}
