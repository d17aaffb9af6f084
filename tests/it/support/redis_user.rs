//! The users of a Redis server, with the permissions that the documentation lists.

use std::fs;

use crate::support::redis_server::Server;

/// The rules of the user `portcullis` with the password `password`, from the documentation in a file of `src`.
pub(crate) fn documented_rules(file: &str) -> Vec<String> {
    let source = fs::read_to_string(format!("{}/src/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let lines = source.lines().filter_map(|line| line.trim().strip_prefix("/// ACL SETUSER portcullis "));
    let rules: Vec<String> = lines.flat_map(|line| line.split(' ')).map(str::to_owned).collect();
    assert!(rules.len() > 4, "the documentation has the rules: {rules:?}");
    rules
}

pub(crate) fn set_user(server: &Server, rules: &[String]) {
    let rules = rules.iter().map(String::as_str);
    let words: Vec<_> = ["ACL", "SETUSER", "portcullis"].into_iter().chain(rules).collect();
    assert_eq!(server.command(&words), "OK");
}

/// The URL of the server for the user `portcullis`.
pub(crate) fn url_of_user(server: &Server, database: &str) -> String {
    format!("redis://portcullis:password@127.0.0.1:{}/{database}", server.port())
}
