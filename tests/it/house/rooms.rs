//! Floors: what each folder of `src` may name, and what a feature and `lib.rs` are.

use super::nobody;
use super::source::{Source, line_after, without_text, words};

const LAYERS: [&str; 6] = ["client", "cors", "headers", "jwt", "rate_limit", "require"];
const GROUND: [&str; 3] = ["clock", "error", "field"];

/// Whether a floor may name a module of the crate's root; `None` for a floor that the house does not have.
fn may_name(floor: &str, module: &str) -> Option<bool> {
    let is_below = match floor {
        "lib" | "testing" => true,
        "_guide" | "clock" | "error" | "field" => false,
        "context" => GROUND.contains(&module),
        "gate" => GROUND.contains(&module) || module == "context",
        "extract" => GROUND.contains(&module) || ["context", "gate"].contains(&module),
        "stack" => LAYERS.contains(&module) || GROUND.contains(&module) || ["context", "gate"].contains(&module),
        layer if LAYERS.contains(&layer) => GROUND.contains(&module) || ["context", "gate"].contains(&module),
        _ => return None,
    };
    Some(is_below || floor == module)
}

#[test]
fn imports_run_downward_only() {
    let mut offenders = Vec::new();
    for file in Source::rust(&["src"]) {
        for (line, module) in named(&file.code()) {
            match may_name(file.floor(), &module) {
                Some(true) => {}
                Some(false) => offenders.push(format!("{}:{line}: names crate::{module}", file.path)),
                None => offenders.push(format!("{}: the house has no floor `{}`", file.path, file.floor())),
            }
        }
    }
    nobody("a floor names only what lies below it, and no layer names another", &offenders);
}

/// The modules of the crate's root that code names, with their lines.
fn named(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (before, word, after) in words(code) {
        let Some(path) = after.strip_prefix("::").filter(|_| word == "crate") else { continue };
        let line = line_after(before);
        match path.strip_prefix('{') {
            Some(group) => found.extend(heads(group).map(|head| (line, head.to_owned()))),
            None => found.extend(words(path).next().map(|(_, module, _)| (line, module.to_owned()))),
        }
    }
    found
}

/// The first words of a group of imports, by what follows its opening brace.
fn heads(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let end = group.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth < 0
    });
    let group = &group[..end.unwrap_or(group.len())];
    words(group).filter_map(|(before, word, _)| {
        let is_outside = before.matches('{').count() == before.matches('}').count();
        (is_outside && before.trim_end().ends_with([',', '{']) || before.trim().is_empty()).then_some(word)
    })
}

#[test]
fn no_path_climbs_out_of_its_folder() {
    let mut offenders = Vec::new();
    for file in Source::rust(&["src"]) {
        let is_door = file.path.ends_with("/mod.rs") || file.path.matches('/').count() == 1;
        let code = file.code();
        offenders.extend(climbs(&code, is_door).map(|line| format!("{}:{line}", file.path)));
    }
    nobody("what lies in another folder is named from `crate::`", &offenders);
}

fn climbs(code: &str, is_door: bool) -> impl Iterator<Item = usize> {
    words(code).filter_map(move |(before, word, after)| {
        let climbs = word == "super" && after.starts_with("::") && (is_door || after.starts_with("::super"));
        climbs.then(|| line_after(before))
    })
}

#[test]
fn the_face_defines_nothing() {
    let files = Source::rust(&["src"]);
    let face = files.iter().find(|file| file.path == "src/lib.rs").unwrap();
    let offenders: Vec<_> = definitions(&without_text(&face.text)).map(|word| format!("src/lib.rs: {word}")).collect();
    nobody("lib.rs has docs, `mod` and `pub use`, and defines nothing", &offenders);
}

fn definitions(code: &str) -> impl Iterator<Item = &str> {
    const KINDS: [&str; 10] =
        ["const", "enum", "fn", "impl", "macro_rules", "static", "struct", "trait", "type", "union"];
    words(code).map(|(_, word, _)| word).filter(|word| KINDS.contains(word))
}

#[test]
fn a_feature_is_a_folder_or_a_known_exception() {
    // `axum` and `fetch` name the crate or the trade of what they switch on, `tonic` adds to `gate` alone, `redis` is a
    // folder of `rate_limit`.
    const EXCEPTIONS: [&str; 5] = ["axum", "default", "fetch", "redis", "tonic"];
    let manifest = Source::below(&["Cargo.toml"]).remove(0).text;
    let folders = Source::rust(&["src"]);
    let is_folder = |feature: &str| folders.iter().any(|file| file.path.starts_with(&format!("src/{feature}/")));
    let features = features(&manifest);
    assert!(features.contains(&"jwt"), "{features:?}");
    let strays = features.into_iter().filter(|feature| !EXCEPTIONS.contains(feature) && !is_folder(feature));
    let offenders: Vec<_> = strays.map(str::to_owned).collect();
    nobody("a feature is one folder of `src`", &offenders);
}

fn features(manifest: &str) -> Vec<&str> {
    let section = manifest.split("[features]\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.split_once(" = ")?.0)).collect()
}

#[test]
fn the_rules_see_who_climbs_and_who_defines() {
    for (floor, module) in [
        ("field", "error"),
        ("error", "clock"),
        ("context", "gate"),
        ("gate", "jwt"),
        ("jwt", "require"),
        ("require", "jwt"),
        ("extract", "client"),
        ("jwt", "extract"),
        ("cors", "rate_limit"),
        ("context", "Realm"),
        ("cors", "stack"),
        ("stack", "extract"),
    ] {
        assert_eq!(may_name(floor, module), Some(false), "{floor} {module}");
    }
    for (floor, module) in
        [("jwt", "jwt"), ("stack", "cors"), ("jwt", "gate"), ("gate", "context"), ("context", "field"), ("lib", "jwt")]
    {
        assert_eq!(may_name(floor, module), Some(true), "{floor} {module}");
    }
    assert_eq!(may_name("cellar", "field"), None);
    let code = "use crate::jwt::a;\nuse crate::{\n    gate::{b, crate_c},\n    error,\n};\nfn d() -> crate::Face {}";
    let modules: Vec<_> = named(code).into_iter().map(|(line, module)| format!("{line} {module}")).collect();
    assert_eq!(modules, ["1 jwt", "2 gate", "2 error", "6 Face"]);
    let code = "use super::a;\npub(super) fn b() {}\nuse super::super::c;";
    assert_eq!(climbs(code, false).collect::<Vec<_>>(), [3]);
    assert_eq!(climbs(code, true).collect::<Vec<_>>(), [1, 3, 3]);
    assert_eq!(definitions("pub use a::b;\npub mod c;\nfn d() {}").collect::<Vec<_>>(), ["fn"]);
    assert_eq!(features("[features]\n## a\nb = [\"c\"]\nd = []\n\n[e]\nf = 1"), ["b", "d"]);
}
