//! `CurlCommand`: a `curl` command as printed by an example, sent without curl.

use std::collections::HashMap;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method};

/// The request of a `curl` command.
#[derive(Debug)]
pub(crate) struct CurlCommand {
    pub(crate) url: String,
    method: Method,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

/// A response whose body was read to its end.
#[derive(Debug)]
pub(crate) struct CurlResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl CurlCommand {
    /// Parses a command. `$NAME` is replaced as in a shell, by the value in `variables`.
    ///
    /// Panics if the command has an option that this type does not know.
    pub(crate) fn parse(command: &str, variables: &HashMap<String, String>) -> Self {
        let mut words = words(command, variables).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
        let mut parsed = Self { url: String::new(), method: Method::GET, headers: Vec::new(), body: None };
        let mut method = None;
        while let Some(word) = words.next() {
            let mut value = || words.next().expect("the option has a value");
            match word.as_str() {
                "-i" | "-sSi" | "--http2-prior-knowledge" => {}
                "-X" => method = Some(value().parse().unwrap()),
                "-H" => {
                    let header = value();
                    let (name, value) = header.split_once(": ").expect("a header has a name and a value");
                    parsed.headers.push((name.to_owned(), value.to_owned()));
                }
                "-d" | "--data-binary" => {
                    parsed.body = Some(value());
                    parsed.method = Method::POST;
                }
                url if url.starts_with("http://") => assert_eq!(std::mem::replace(&mut parsed.url, word), ""),
                other => panic!("unknown option {other}: {command}"),
            }
        }
        parsed.method = method.unwrap_or(parsed.method);
        parsed
    }

    pub(crate) async fn send(&self) -> CurlResponse {
        let mut request = Client::new().request(self.method.clone(), &self.url);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
            // As curl does.
            if self.header(CONTENT_TYPE.as_str()).is_none() {
                assert!(!body.starts_with(['{', '[']), "curl would send a form");
                request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            }
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        CurlResponse { status, headers, body: response.text().await.unwrap() }
    }

    /// The value of a request header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }
}

impl CurlResponse {
    /// The value of a response header, or an empty string if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Splits a command into words as a shell does: quotes group, and variables are replaced except in single quotes.
fn words(command: &str, variables: &HashMap<String, String>) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = command.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (' ', None) => words.extend(word.take()),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('$', None | Some('"')) => {
                let mut name = String::new();
                while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                let value = variables.get(&name).unwrap_or_else(|| panic!("no variable {name}: {command}"));
                word.get_or_insert_default().push_str(value);
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    assert_eq!(quote, None, "a quote is not closed: {command}");
    words.extend(word);
    words
}

#[test]
fn a_command_is_split_into_words_as_by_a_shell() {
    let variables = HashMap::from([("TOKEN_1".to_owned(), "a b".to_owned())]);
    let split = words(r#"curl -H "A: Bearer $TOKEN_1" -d '{"a": "$TOKEN_1"}' "" x"y"'z'"#, &variables);
    assert_eq!(split, ["curl", "-H", "A: Bearer a b", "-d", r#"{"a": "$TOKEN_1"}"#, "", "xyz"]);
}
