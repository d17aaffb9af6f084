//! The examples, each started with the command in its documentation, and the curl commands that they print.

mod api_keys;
mod api_keys_store;
mod backchannel_logout;
mod behind_proxy;
mod custom_errors;
mod custom_gate;
mod html_app;
mod hyper;
mod login_protection;
mod oidc_login;
mod quickstart;
mod redis;
mod revocation;
mod sessions;
mod sessions_store;
mod testing;
mod tonic;
mod user_loader;
mod websocket;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The Rust files of a folder below `examples`, by their names without `.rs`.
fn sources(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    paths.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn an_example_has_few_lines_of_code_of_at_most_100_columns() {
    for (name, source) in ["", "api_keys", "oidc_login", "sessions", "websocket"].into_iter().flat_map(sources) {
        let below_docs = source.lines().filter(|line| !line.starts_with("//!"));
        assert_eq!(below_docs.clone().find(|line| line.chars().count() > 100), None, "{name}");
        let code = below_docs.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        // The quickstart, `sessions` and `oidc_login` show a whole app, `custom_gate` every method of a gate, `store` every
        // method of a store, `pages` every page, `routes` every route for keys, and `provider` every step of OpenID Connect.
        // `backchannel_logout` is also the provider.
        let max = match name.as_str() {
            "quickstart" | "oidc_login" => 130,
            "routes" => 105,
            "backchannel_logout" => 95,
            "custom_gate" => 100,
            "pages" => 170,
            "store" => 150,
            "sessions" => 115,
            "provider" => 200,
            _ => 80,
        };
        assert!(code.clone().count() < max, "{name}: {} lines", code.count());
    }
}

#[test]
fn the_list_of_examples_has_each_example_once() {
    let list = include_str!("../../../examples/README.md");
    let listed: Vec<_> = list.lines().filter_map(|line| line.strip_prefix("| [")?.split(']').next()).collect();
    let names: BTreeSet<_> = sources("").into_iter().map(|(name, _)| format!("`{name}`")).collect();
    assert_eq!(listed, names.iter().map(String::as_str).collect::<Vec<_>>());
}
