//! Rules about dependencies: which file may name which foreign crate, and what a feature is.

use std::collections::BTreeSet;

use super::module_tree::{FOREIGN_ROOT, ModuleTree};
use super::{assert_none, files_below, source_files};

/// Each crate of `[dependencies]`, with the files and folders of `src` that may name it. An empty list allows all
/// files: these crates are the shared vocabulary of HTTP, tower, serialization and logging.
const PLACES: [(&str, &[&str]); 44] = [
    (
        "arc_swap",
        &[
            "cors/builder.rs",
            "cors/gate.rs",
            "ip_filter/gate.rs",
            "jwt/remote/mod.rs",
            "jwt/token/header_cache.rs",
            "revocation/table/shards.rs",
        ],
    ),
    ("argon2", &["password/"]),
    (
        "aws_lc_rs",
        &[
            "api_key/key/digest.rs",
            "basic/builder.rs",
            "basic/policy.rs",
            "context/peer_certificate.rs",
            "context/revocation_ids/id.rs",
            "introspection/client_auth/",
            "jwt/keys/verifier.rs",
            "keys/",
            "one_time_tokens/",
            "replay_cache/digest.rs",
            "password/",
            "session/",
            "shared_signals/authorization.rs",
            "testing/keys.rs",
        ],
    ),
    ("axum", &["context/peer_ip.rs", "context/route.rs"]),
    (
        "axum_core",
        &[
            "api_key/response.rs",
            "end_streams/endable_body.rs",
            "extract/",
            "gate/body.rs",
            "rate_limit/account/",
            "session/",
        ],
    ),
    (
        "base64",
        &[
            "basic/credentials.rs",
            "client_cert/rfc9440.rs",
            "end_streams/grpc_end.rs",
            "field/websocket_token.rs",
            "headers/csp/source.rs",
            "introspection/client_auth/",
            "jwt/keys/jwk.rs",
            "jwt/token/compact.rs",
            "keys/sealer.rs",
            "one_time_tokens/token.rs",
            "password/legacy/",
            "password/stored/text.rs",
            "rate_limit/account/",
            "session/",
            "testing/",
        ],
    ),
    ("bcrypt", &["password/legacy/bcrypt.rs"]),
    (
        "bytes",
        &[
            "back_channel_logout/service.rs",
            "end_streams/",
            "endpoint.rs",
            "gate/",
            "http_client/built_in.rs",
            "rate_limit/response_headers.rs",
            "session/csrf_form.rs",
            "shared_signals/service.rs",
            "testing/server.rs",
        ],
    ),
    ("crc32fast", &["api_key/key/format.rs"]),
    ("curve25519_dalek", &["jwt/keys/ed25519.rs"]),
    (
        "foldhash",
        &[
            "context/origin_set.rs",
            "context/origin_set/patterns.rs",
            "jwt/issuers/table.rs",
            "jwt/token/header_cache.rs",
            "jwt/token_cache.rs",
        ],
    ),
    ("form_urlencoded", &["back_channel_logout/form.rs"]),
    (
        "getrandom",
        &[
            "api_key/key/random.rs",
            "context/csp_nonce.rs",
            "introspection/client_auth/authenticator.rs",
            "lookup/credential_digest.rs",
            "one_time_tokens/policy.rs",
            "replay_cache/redis/",
            "rate_limit/account/device_cookies.rs",
            "session/random.rs",
        ],
    ),
    (
        "hex",
        &[
            "api_key/key/digest.rs",
            "api_key/record/",
            "client_cert/",
            "context/csp_nonce.rs",
            "password/breach/range_client.rs",
            "password/legacy/",
            "session/",
            "store/owner_digest.rs",
        ],
    ),
    ("http", &[]),
    ("http_body", &["back_channel_logout/service.rs", "end_streams/", "endpoint.rs", "shared_signals/service.rs"]),
    (
        "http_body_util",
        &[
            "back_channel_logout/service.rs",
            "end_streams/endable_body.rs",
            "endpoint.rs",
            "gate/body.rs",
            "http_client/built_in.rs",
            "shared_signals/service.rs",
            "testing/server.rs",
        ],
    ),
    ("hyper", &["http_client/built_in.rs", "testing/server.rs"]),
    ("hyper_rustls", &["http_client/built_in.rs"]),
    ("hyper_util", &["http_client/built_in.rs", "testing/server.rs"]),
    ("ipnet", &["context/nat64.rs", "context/network_set.rs", "context/trusted_proxies/"]),
    ("itoa", &["rate_limit/response_headers.rs"]),
    ("metrics", &["security_event/"]),
    ("pem", &["client_cert/xfcc.rs", "introspection/client_auth/", "jwt/keys/pem.rs"]),
    (
        "percent_encoding",
        &["client_cert/xfcc.rs", "context/request_route.rs", "field/grpc.rs", "introspection/client_auth/"],
    ),
    ("pin_project", &["end_streams/ending_body.rs", "end_streams/service.rs", "gate/decision.rs", "gate/engine.rs"]),
    ("psl", &["context/origin_set.rs"]),
    (
        "redis",
        &[
            "api_key/redis/",
            "rate_limit/redis/",
            "replay_cache/redis/",
            "revocation/builder/redis.rs",
            "revocation/redis/",
            "session/redis/",
            "store/",
        ],
    ),
    ("rustls", &["http_client/built_in.rs", "store/client.rs"]),
    ("scrypt", &["password/legacy/scrypt.rs"]),
    ("serde", &[]),
    ("serde_json", &[]),
    ("sfv", &["headers/audit/single_value.rs"]),
    ("sha2", &["rate_limit/redis/protocol.rs", "rate_limit/subject.rs", "store/owner_digest.rs"]),
    ("siphasher", &["lookup/credential_digest.rs"]),
    ("smallvec", &["context/rate_limit_status.rs", "gate/violation.rs", "rate_limit/decision.rs"]),
    (
        "tokio",
        &[
            "api_key/",
            "basic/verifier.rs",
            "endpoint.rs",
            "gate/admission/",
            "introspection/cache.rs",
            "jwt/issuers/",
            "jwt/remote/",
            "lookup/",
            "password/",
            "rate_limit/redis/",
            "record_store/timeout.rs",
            "revocation/",
            "risk/",
            "runtime.rs",
            "session/touch_log.rs",
            "shared_signals/poller.rs",
            "shared_signals/received.rs",
            "store/",
            "testing/server.rs",
        ],
    ),
    ("tonic", &["end_streams/endable_body.rs", "gate/"]),
    ("tower_layer", &[]),
    (
        "tower_service",
        &[
            "back_channel_logout/service.rs",
            "end_streams/service.rs",
            "gate/engine.rs",
            "http_client/built_in.rs",
            "shared_signals/service.rs",
        ],
    ),
    ("tracing", &[]),
    ("unicode_normalization", &["context/account_name.rs", "password/"]),
    ("x509_cert", &["context/peer_certificate.rs"]),
    (
        "zeroize",
        &[
            "api_key/builder.rs",
            "api_key/builder/",
            "api_key/key/format.rs",
            "basic/builder.rs",
            "basic/credentials.rs",
            "field/websocket_token.rs",
            "introspection/",
            "jwt/gate.rs",
            "jwt/issuer/mod.rs",
            "jwt/token_cache.rs",
            "keys/",
            "one_time_tokens/token.rs",
            "password/",
            "session/",
        ],
    ),
];

#[test]
fn foreign_crates_are_named_only_in_their_places() {
    let tree = ModuleTree::of_library();
    let mut offenders = BTreeSet::new();
    for (module_path, module) in tree.modules() {
        let imports = module.imports.iter().map(|import| &import.path);
        // A lone segment outside an import may be a local variable.
        let paths = module.paths.iter().filter(|path| path.len() > 1);
        for path in imports.chain(paths) {
            let is_local = tree.defining_file(module_path, path).is_some();
            if !is_local && !may_name(&module.file, path) {
                let first = path.iter().find(|segment| *segment != FOREIGN_ROOT);
                offenders.insert(format!("{} names {}", module.file, first.map_or("", |name| name)));
            }
        }
    }
    assert_none("a foreign crate is named only in its places", offenders);
}

/// Whether a file may name a path that starts with a crate of `PLACES`, or with anything else.
fn may_name(file: &str, path: &[String]) -> bool {
    let first = path.iter().find(|segment| *segment != FOREIGN_ROOT);
    let Some((_, places)) = PLACES.iter().find(|(name, _)| first.is_some_and(|first| first == name)) else {
        return true;
    };
    let file = file.trim_start_matches("src/");
    places.is_empty() || places.iter().any(|place| file == *place || place.ends_with('/') && file.starts_with(place))
}

#[test]
fn every_dependency_has_a_place() {
    let manifest = manifest();
    let dependencies = keys(&manifest, "dependencies");
    assert!(dependencies.contains(&"http"), "{dependencies:?}");
    let has_a_place = |name: &str| PLACES.iter().any(|(known, _)| *known == name.replace('-', "_"));
    let offenders = dependencies.iter().filter(|name| !has_a_place(name));
    assert_none("a dependency has a place in tests/it/source_rules/dependencies.rs", offenders);
    let unused = PLACES.iter().filter(|(known, _)| dependencies.iter().all(|name| *known != name.replace('-', "_")));
    assert_none("a place belongs to a dependency", unused.map(|(name, _)| name));
}

#[test]
fn every_feature_is_a_folder_or_a_known_exception() {
    // `passwords` is the folder `password`, and `legacy_passwords` a folder of it.
    // `axum`, `serde` and `tonic` add to modules, `fetch` adds a client to `http_client`, `redis` is the folder `store` and a
    // folder of each module that uses it, `redis_tls` adds TLS to it, and `metrics` adds counters to `security_event`.
    // `login_protection` is the folder `account` of `rate_limit`.
    const EXCEPTIONS: [&str; 12] = [
        "audit",
        "axum",
        "default",
        "fetch",
        "legacy_passwords",
        "login_protection",
        "metrics",
        "passwords",
        "redis",
        "redis_tls",
        "serde",
        "tonic",
    ];
    let files = source_files();
    let is_folder = |feature: &str| files.keys().any(|path| path.starts_with(&format!("src/{feature}/")));
    let manifest = manifest();
    let features = keys(&manifest, "features");
    assert!(features.contains(&"jwt"), "{features:?}");
    let offenders = features.iter().filter(|feature| !EXCEPTIONS.contains(feature) && !is_folder(feature));
    assert_none("a feature is one folder of `src`", offenders);
}

pub(super) fn manifest() -> String {
    files_below(&["Cargo.toml"]).remove("Cargo.toml").unwrap()
}

/// The keys of a section of the manifest that has one `key = value` a line.
pub(super) fn keys<'a>(manifest: &'a str, section: &str) -> Vec<&'a str> {
    let lines = manifest.lines().skip_while(|line| *line != format!("[{section}]")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.split_once(" = ")?.0)).collect()
}

#[test]
fn a_crate_out_of_its_place_is_detected() {
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    assert!(may_name("src/gate/body.rs", &path("axum_core::body::Body")));
    assert!(may_name("src/jwt/gate.rs", &path("http::HeaderMap")) && may_name("src/lib.rs", &path("std::fmt")));
    for foreign in ["axum_core::body::Body", "::axum_core::body::Body", "axum_core"] {
        assert!(!may_name("src/jwt/gate.rs", &path(foreign)), "{foreign}");
    }
    assert!(
        !may_name("src/context/route.rs.bak", &path("axum::Router")) && !may_name("src/gates/a.rs", &path("tonic::A"))
    );
    assert_eq!(keys("[a]\nb = 1\n\n[c]\n# d = 1\ne-f = \"1\"\ng = { h = 1 }\n\n[i]\nj = 1", "c"), ["e-f", "g"]);
}
