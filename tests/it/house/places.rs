//! Where each crate from outside is named: in as few places as it can be.

use super::nobody;
use super::source::{Source, line_after, words};

/// Each crate of `[dependencies]`, with the files or folders of `src` that may name it; none for those that every floor
/// speaks: the vocabulary of HTTP and tower, serialisation and the log.
const PLACES: [(&str, &[&str]); 27] = [
    ("arc_swap", &["cors/builder.rs", "cors/gate.rs", "jwt/remote/mod.rs", "jwt/token/known_header.rs"]),
    ("aws_lc_rs", &["jwt/keys/verifier.rs", "testing/keys.rs"]),
    ("axum", &["context/peer.rs", "context/route.rs"]),
    ("axum_core", &["extract/", "gate/body.rs"]),
    ("base64", &["jwt/keys/jwks.rs", "jwt/token/compact.rs", "testing/"]),
    ("bytes", &["gate/body.rs", "gate/reply.rs", "rate_limit/fields.rs", "testing/server.rs"]),
    ("foldhash", &["context/origin_set.rs", "jwt/token_cache.rs"]),
    ("getrandom", &["context/csp_nonce.rs"]),
    ("http", &[]),
    ("http_body_util", &["gate/body.rs", "testing/server.rs"]),
    ("hyper", &["testing/server.rs"]),
    ("hyper_util", &["testing/server.rs"]),
    ("ipnet", &["context/client_addr.rs"]),
    ("jsonwebtoken", &["jwt/keys/pem.rs"]),
    ("pin_project", &["gate/decision.rs", "gate/engine.rs"]),
    ("psl", &["context/origin_set.rs"]),
    ("redis", &["rate_limit/redis/"]),
    ("reqwest", &["jwt/remote/reqwest.rs"]),
    ("serde", &[]),
    ("serde_json", &[]),
    ("sha2", &["rate_limit/redis/wire.rs"]),
    ("tokio", &["jwt/remote/mod.rs", "jwt/user_loader.rs", "rate_limit/redis/", "testing/server.rs"]),
    ("tonic", &["gate/"]),
    ("tower_layer", &[]),
    ("tower_service", &["gate/engine.rs"]),
    ("tracing", &[]),
    ("zeroize", &["jwt/issuer/mod.rs", "jwt/token_cache.rs"]),
];

#[test]
fn an_outside_crate_is_named_in_its_place_alone() {
    let mut offenders = Vec::new();
    for file in Source::rust(&["src"]) {
        let code = file.code();
        let place = file.path.trim_start_matches("src/");
        for (line, name) in outside(&code) {
            let is_stray = PLACES.iter().any(|(known, places)| *known == name && !may_stand(place, places));
            if is_stray {
                offenders.push(format!("{}:{line}: {name}", file.path));
            }
        }
    }
    nobody("an outside crate is named in its place alone", &offenders);
}

#[test]
fn every_dependency_has_its_place() {
    let manifest = Source::below(&["Cargo.toml"]).remove(0).text;
    let found = dependencies(&manifest);
    assert!(found.len() > 10, "{found:?}");
    let strays = found.into_iter().filter(|name| PLACES.iter().all(|(known, _)| known != name));
    let offenders: Vec<_> = strays.collect();
    nobody("a dependency has its place in tests/it/house/places.rs", &offenders);
}

fn may_stand(place: &str, places: &[&str]) -> bool {
    let is_there = |known: &&str| place == *known || known.ends_with('/') && place.starts_with(*known);
    places.is_empty() || places.iter().any(is_there)
}

/// The words that head a path, where a crate's name may stand.
fn outside(code: &str) -> impl Iterator<Item = (usize, &str)> {
    words(code).filter_map(|(before, word, after)| {
        let is_inner = before.ends_with("::") && !before.ends_with(" ::");
        let is_head = after.starts_with("::") || after.starts_with(';') && before.ends_with("use ");
        (is_head && !is_inner).then(|| (line_after(before), word))
    })
}

fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split_once(" = ")?.0.replace('-', "_"))).collect()
}

#[test]
fn the_rules_see_a_crate_out_of_its_place() {
    let code =
        "use reqwest::Client;\nuse axum;\nlet a: ::tonic::Status;\nuse crate::jwt::reqwest::Reqwest;\nlet tokio = 1;";
    assert_eq!(
        outside(code).filter(|(_, word)| *word != "crate" && *word != "Client").collect::<Vec<_>>(),
        [(1, "reqwest"), (2, "axum"), (3, "tonic")]
    );
    assert!(may_stand("gate/body.rs", &["gate/"]) && may_stand("anywhere.rs", &[]));
    assert!(!may_stand("gate/body.rs.bak", &["gate/body.rs"]) && !may_stand("gates/a.rs", &["gate/"]));
    assert_eq!(dependencies("[a]\n\n[dependencies]\nb-c = \"1\"\nd = { e = 1 }\n\n[f]\ng = 1"), ["b_c", "d"]);
}
