//! Rules about imports: which layer may import which, and no two files that import each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::assert_none;
use super::module_tree::ModuleTree;

/// The root modules from the bottom up. A module imports only from lower levels, and from itself.
const LEVELS: [&[&str]; 8] = [
    &["clock", "deserialize", "error", "field", "runtime", "strict_json"],
    &["context", "keys"],
    &["security_event"],
    &["endpoint", "gate", "http_client", "lookup", "record_store", "store"],
    &["claims", "csrf", "extract", "replay_cache", "revocation", "verify_jwt"],
    &[
        "any_of",
        "api_key",
        "back_channel_logout",
        "basic",
        "client",
        "client_cert",
        "cors",
        "end_streams",
        "headers",
        "introspection",
        "ip_filter",
        "jwt",
        "one_time_tokens",
        "password",
        "rate_limit",
        "require",
        "risk",
        "session",
        "shared_signals",
    ],
    &["stack"],
    &["_guide", "lib", "testing"],
];

#[test]
fn every_module_imports_only_from_lower_levels() {
    let tree = ModuleTree::of_library();
    let mut offenders = Vec::new();
    for (path, module) in tree.modules() {
        for (file, import) in tree.dependencies(path, module) {
            if !may_import(&module.file, file) {
                offenders.push(format!("{} imports {import} of {file}", module.file));
            }
        }
    }
    assert_none("a module imports only from lower levels, and no layer imports another", &offenders);
}

fn may_import(from: &str, to: &str) -> bool {
    root_module(from) == root_module(to) || level(from) > level(to)
}

/// `jwt` for `src/jwt/gate.rs`, `clock` for `src/clock.rs`.
fn root_module(file: &str) -> &str {
    let path = file.trim_start_matches("src/");
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn level(file: &str) -> usize {
    let module = root_module(file);
    let level = LEVELS.iter().position(|modules| modules.contains(&module));
    level.unwrap_or_else(|| panic!("add `{module}` to LEVELS in tests/it/source_rules/imports.rs"))
}

#[test]
fn no_two_files_import_each_other() {
    let cycles = cycles(ModuleTree::of_library());
    assert_none("files import each other in a cycle: move what both need to a third file", &cycles);
}

/// The import cycles, each as a text that names every file of it and what that file imports.
fn cycles(tree: &ModuleTree) -> BTreeSet<String> {
    let mut imports: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for (path, module) in tree.modules() {
        imports.entry(&module.file).or_default().extend(tree.dependencies(path, module));
    }
    let mut cycles = BTreeSet::new();
    for file in imports.keys() {
        let Some(cycle) = shortest_cycle(&imports, file) else { continue };
        // Each cycle is found from each of its files, and starts at the first by name.
        let is_first = cycle.iter().all(|other| file <= other);
        if is_first {
            let steps = cycle.iter().zip(cycle.iter().cycle().skip(1));
            let steps = steps.map(|(from, to)| format!("{from} imports {}", imports[from][to]));
            cycles.insert(steps.collect::<Vec<_>>().join(", "));
        }
    }
    cycles
}

/// The files of a shortest cycle through `start`, beginning with it.
fn shortest_cycle<'a>(imports: &BTreeMap<&'a str, BTreeMap<&'a str, String>>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut importer_of = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for &imported in imports.get(file)?.keys() {
            if imported == start {
                let back = std::iter::successors(Some(file), |file| importer_of.get(file).copied());
                let mut cycle: Vec<_> = back.collect();
                cycle.reverse();
                return Some(cycle);
            }
            if !importer_of.contains_key(imported) {
                importer_of.insert(imported, file);
                queue.push_back(imported);
            }
        }
    }
    None
}

#[test]
fn lib_rs_only_declares_modules_and_exports_names() {
    let tree = ModuleTree::of_library();
    let (_, root) = tree.modules().find(|(path, _)| path.is_empty()).unwrap();
    assert_none("lib.rs has docs, `mod` and `pub use`, and defines nothing", &root.items);
}

/// A tree of the files, each given as its path below `src` and its code. `lib.rs` is made from the root modules.
fn tree(files: &[(&str, &str)]) -> ModuleTree {
    let mut all: BTreeMap<_, _> =
        files.iter().map(|(path, code)| (format!("src/{path}"), (*code).to_owned())).collect();
    let roots: BTreeSet<_> = all.keys().map(|path| format!("mod {};", root_module(path))).collect();
    all.insert("src/lib.rs".to_owned(), roots.into_iter().collect());
    ModuleTree::new(&all)
}

#[test]
fn levels_order_the_modules() {
    for (from, to) in [
        ("src/field/mod.rs", "src/error.rs"),
        ("src/error.rs", "src/clock.rs"),
        ("src/context/user.rs", "src/gate/mod.rs"),
        ("src/gate/mod.rs", "src/jwt/gate.rs"),
        ("src/jwt/gate.rs", "src/require/mod.rs"),
        ("src/require/mod.rs", "src/jwt/mod.rs"),
        ("src/extract/mod.rs", "src/client/mod.rs"),
        ("src/cors/gate.rs", "src/stack/gate.rs"),
        ("src/stack/gate.rs", "src/testing/mod.rs"),
    ] {
        assert!(!may_import(from, to), "{from} imports {to}");
        assert!(may_import(from, from), "{from} imports itself");
    }
    for (from, to) in [
        ("src/stack/gate.rs", "src/cors/mod.rs"),
        ("src/jwt/gate.rs", "src/gate/mod.rs"),
        ("src/context/user.rs", "src/field/list.rs"),
        ("src/lib.rs", "src/jwt/mod.rs"),
    ] {
        assert!(may_import(from, to), "{from} imports {to}");
    }
}

#[test]
fn a_cycle_is_found_through_re_exports_inline_paths_and_macros() {
    let tree = tree(&[
        ("a/mod.rs", "mod first; mod second; mod third; pub(crate) use first::First as Renamed; pub use second::*;"),
        ("a/first.rs", "pub struct First; fn f() { crate::b::make(); }"),
        ("a/second.rs", "use super::Renamed; pub struct Second(Renamed);"),
        ("a/third.rs", "pub(super) fn third() { println!(\"{}\", crate::c::NUMBER) }"),
        ("b.rs", "use crate::a; pub fn make() -> a::Second { a::Second }"),
        ("c.rs", "use crate::d::{self, Other}; pub const NUMBER: u8 = 1; fn f(_: d::Other) {}"),
        ("d.rs", "mod e; pub struct Other; fn f() -> e::Inner {}"),
        ("d/e.rs", "pub struct Inner(super::Other);"),
    ]);
    let found = cycles(&tree);
    assert_eq!(
        Vec::from_iter(found),
        [
            "src/a/first.rs imports crate::b::make, src/b.rs imports a::Second, src/a/second.rs imports super::Renamed",
            "src/d.rs imports e::Inner, src/d/e.rs imports super::Other",
        ]
    );
}

#[test]
fn tests_re_exports_and_foreign_crates_make_no_cycle() {
    let tree = tree(&[
        ("a/mod.rs", "mod b; mod c; pub use b::B; #[cfg(test)] mod tests;"),
        ("a/b.rs", "use crate::a::c::C; use tracing; pub struct B(C); #[cfg(test)] mod tests { use crate::d::D; }"),
        ("a/c.rs", "use tower::Service; pub struct C; impl C { #[cfg(test)] fn d() { crate::d::f() } }"),
        ("d.rs", "pub(in crate::a) struct D(crate::a::B); #[cfg(test)] use crate::a::tests; pub fn f() {}"),
    ]);
    assert_eq!(cycles(&tree), BTreeSet::new());
}
