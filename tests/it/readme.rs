//! The README's quickstart: it prints what the README says, and answers the README's curl lines.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Method;
use reqwest::header::HeaderMap;

/// The example, on a free port, with what it printed.
struct Quickstart {
    process: Child,
    tokens: HashMap<String, String>,
    curl_lines: Vec<String>,
    addr: String,
}

impl Quickstart {
    /// By the README's own command, which becomes the example's process once it is built.
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--example", "quickstart"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        let mut process = command.env("PORT", "0").stdout(Stdio::piped()).spawn().unwrap();
        let mut tokens = HashMap::new();
        let mut curl_lines = Vec::new();
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            match line.strip_prefix("export ").and_then(|export| export.split_once('=')) {
                Some((name, token)) => drop(tokens.insert(name.to_owned(), token.to_owned())),
                None => curl_lines.push(line),
            }
            if curl_lines.len() == PRINTED_CURL_LINES {
                break;
            }
        }
        let host = curl_lines[0].split("http://").nth(1).unwrap();
        let addr = host.split('/').next().unwrap().to_owned();
        Self { process, tokens, curl_lines, addr }
    }

    /// Does what a curl line does: method, URL, and the fields, with their variables filled in.
    async fn curl(&self, line: &str) -> (u16, HeaderMap, String) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let method = words.iter().position(|word| *word == "-X").map_or("GET", |flag| words[flag + 1]);
        let url = words.iter().find(|word| word.starts_with("http://")).unwrap();
        let url = url.replace("127.0.0.1:3000", &self.addr);
        let mut request = reqwest::Client::new().request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        for field in line.split("-H \"").skip(1) {
            let (name, value) = field.split('"').next().unwrap().split_once(": ").unwrap();
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

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const PRINTED_CURL_LINES: usize = 12;

/// The README's curl lines, each with the answer that stands below it.
fn readme_answers() -> Vec<(&'static str, &'static str)> {
    let mut answers = Vec::new();
    let mut fences = include_str!("../../README.md").split("```");
    while let Some(fence) = fences.next() {
        if let Some(curl) = fence.strip_prefix("sh\n").filter(|text| text.starts_with("curl")) {
            let answer = fences.nth(1).and_then(|text| text.strip_prefix("text\n")).unwrap();
            answers.push((curl.trim(), answer.trim()));
        }
    }
    answers
}

#[tokio::test]
async fn every_curl_line_of_the_readme_is_answered_as_it_says() {
    let quickstart = Quickstart::start();
    let answers = readme_answers();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(answers.len(), 4);
    for (curl, answer) in answers {
        let (status, fields, body) = quickstart.curl(curl).await;
        let (head, expected) = answer.split_once("\n\n").unwrap_or((answer, ""));
        let mut head = head.lines();
        assert!(head.next().unwrap().starts_with(&format!("HTTP/1.1 {status} ")), "{curl}");
        for field in head {
            let (name, value) = field.split_once(": ").unwrap();
            if name == "x-ratelimit-reset" {
                let until: u64 = fields[name].to_str().unwrap().parse().unwrap();
                assert!((now..now + 3902).contains(&until), "{curl}: {until}");
                continue;
            }
            assert_eq!(fields[name], value, "{curl}");
        }
        assert_eq!(body, expected, "{curl}");
    }
}

#[tokio::test]
async fn the_printed_curl_lines_are_answered_200_401_and_403_as_the_tiers_and_scopes_say() {
    let quickstart = Quickstart::start();
    let mut statuses = Vec::new();
    for line in &quickstart.curl_lines {
        statuses.push(quickstart.curl(line).await.0);
    }
    assert_eq!(statuses, [200, 401, 200, 401, 200, 200, 204, 201, 403, 403, 200, 204]);
}

#[tokio::test]
async fn four_tokens_are_exported_and_the_higher_tiers_have_the_permissions_of_the_lower() {
    let quickstart = Quickstart::start();
    let mut names: Vec<_> = quickstart.tokens.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["BASIC_TOKEN", "ENTERPRISE_TOKEN", "EXPIRED_TOKEN", "PROFESSIONAL_TOKEN"]);
    let mut below: Vec<String> = Vec::new();
    for tier in ["BASIC", "PROFESSIONAL", "ENTERPRISE"] {
        let me = format!("curl http://127.0.0.1:3000/me -H \"Authorization: Bearer ${tier}_TOKEN\"");
        let (_, _, body) = quickstart.curl(&me).await;
        let me: serde_json::Value = serde_json::from_str(&body).unwrap();
        let listed = me["permissions"].as_array().unwrap();
        let permissions: Vec<String> = listed.iter().map(|item| item.as_str().unwrap().to_owned()).collect();
        assert!(below.iter().all(|permission| permissions.contains(permission)), "{tier}");
        assert!(permissions.len() > below.len(), "{tier}");
        below = permissions;
    }
}
