//! The quickstart example: its output, and the responses that its documentation shows.

use std::collections::HashMap;

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::support::running_example::RunningExample;
use crate::support::tokens::now;

/// The running example, on a free port, with its printed tokens and commands.
struct Quickstart {
    tokens: HashMap<String, String>,
    curl_commands: Vec<String>,
    addr: String,
    _process: RunningExample,
}

impl Quickstart {
    /// Starts the example with the README's command, on a free port, and reads its output.
    fn start() -> Self {
        let mut process = RunningExample::start("quickstart");
        let mut tokens = HashMap::new();
        let mut curl_commands = Vec::new();
        while curl_commands.len() < PRINTED_CURL_COMMANDS {
            let line = process.next_line();
            match line.strip_prefix("export ").and_then(|export| export.split_once('=')) {
                Some((name, token)) => drop(tokens.insert(name.to_owned(), token.to_owned())),
                None => curl_commands.push(line),
            }
        }
        let host_and_path = curl_commands[0].split("http://").nth(1).unwrap();
        let addr = host_and_path.split('/').next().unwrap().to_owned();
        Self { tokens, curl_commands, addr, _process: process }
    }

    /// Sends the request of a curl command, with the variables replaced by their tokens.
    async fn curl(&self, command: &str) -> (u16, HeaderMap, String) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let method = words.iter().position(|word| *word == "-X").map_or("GET", |flag| words[flag + 1]);
        let url = words.iter().find(|word| word.starts_with("http://")).unwrap();
        let url = url.replace("127.0.0.1:3000", &self.addr);
        let mut request = reqwest::Client::new().request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        for header in command.split("-H \"").skip(1) {
            let (name, value) = header.split('"').next().unwrap().split_once(": ").unwrap();
            let value = match value.strip_prefix("Bearer $") {
                Some(variable) => format!("Bearer {}", self.tokens[variable]),
                None => value.to_owned(),
            };
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.headers().clone(), response.text().await.unwrap())
    }
}

const PRINTED_CURL_COMMANDS: usize = 12;

/// The curl commands in the example's documentation, each with the response that follows it.
fn documented_responses() -> Vec<(String, String)> {
    let source = include_str!("../../examples/quickstart.rs");
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

#[tokio::test]
async fn documented_curl_commands_get_the_documented_responses() {
    let quickstart = Quickstart::start();
    let documented = documented_responses();
    assert_eq!(documented.len(), 4);
    for (command, response) in documented {
        let before = now();
        let (status, headers, body) = quickstart.curl(&command).await;
        let after = now();
        let (head, expected_body) = response.split_once("\n\n").unwrap_or((&response, ""));
        let mut head = head.lines();
        assert!(head.next().unwrap().starts_with(&format!("HTTP/1.1 {status} ")), "{command}");
        for line in head {
            let (name, value) = line.split_once(": ").unwrap();
            if name == "x-ratelimit-reset" {
                let reset: u64 = headers[name].to_str().unwrap().parse().unwrap();
                assert!((before..=after + 3901).contains(&reset), "{command}: {reset}");
                continue;
            }
            assert_eq!(headers[name], value, "{command}");
        }
        assert_eq!(body, expected_body, "{command}");
    }
}

#[tokio::test]
async fn printed_curl_commands_get_the_status_for_their_tier_and_scope() {
    let quickstart = Quickstart::start();
    let mut statuses = Vec::new();
    for command in &quickstart.curl_commands {
        statuses.push(quickstart.curl(command).await.0);
    }
    assert_eq!(statuses, [200, 401, 200, 401, 200, 200, 204, 201, 403, 403, 200, 204]);
}

#[tokio::test]
async fn each_printed_token_has_the_permissions_of_all_lower_tiers() {
    let quickstart = Quickstart::start();
    let mut names: Vec<_> = quickstart.tokens.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["BASIC_TOKEN", "ENTERPRISE_TOKEN", "EXPIRED_TOKEN", "PROFESSIONAL_TOKEN"]);
    let mut lower_permissions: Vec<String> = Vec::new();
    for tier in ["BASIC", "PROFESSIONAL", "ENTERPRISE"] {
        let command = format!("curl http://127.0.0.1:3000/me -H \"Authorization: Bearer ${tier}_TOKEN\"");
        let (_, _, body) = quickstart.curl(&command).await;
        let user: serde_json::Value = serde_json::from_str(&body).unwrap();
        let listed = user["permissions"].as_array().unwrap();
        let permissions: Vec<String> = listed.iter().map(|item| item.as_str().unwrap().to_owned()).collect();
        assert!(lower_permissions.iter().all(|permission| permissions.contains(permission)), "{tier}");
        assert!(permissions.len() > lower_permissions.len(), "{tier}");
        lower_permissions = permissions;
    }
}
