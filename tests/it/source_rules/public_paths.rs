//! A rule about the public API: a name has one public path.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Item, UseTree};

use super::module_tree::{ModuleTree, Path, is_for_tests, is_public, name};
use super::{assert_none, source_files};

#[test]
fn a_public_name_has_one_path() {
    let files = source_files();
    let paths = public_paths(&files, ModuleTree::of_library());
    assert!(paths.len() > 90, "{paths:#?}");
    let offenders = paths.values().filter(|paths| paths.len() > 1);
    let offenders = offenders.map(|paths| Vec::from_iter(paths.iter().cloned()).join(" and "));
    assert_none(
        "a name that the crate root exports is `pub(crate)` in its module, and others have one module",
        offenders,
    );
}

/// The paths of each public item outside the crate. The item is identified by its file and name.
fn public_paths(files: &BTreeMap<String, String>, tree: &ModuleTree) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut found = BTreeMap::new();
    let mut queue = vec![Path::new()];
    while let Some(module) = queue.pop() {
        let (_, node) = tree.modules().find(|(path, _)| **path == module).unwrap();
        let syntax = syn::parse_file(&files[&node.file]).unwrap();
        let mut add = |file: &str, item: &str, name: &str| {
            let path = module.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("::");
            found.entry((file.to_owned(), item.to_owned())).or_insert_with(BTreeSet::new).insert(path);
        };
        for item in syntax.items.iter().filter(|item| is_public(item)) {
            match item {
                Item::Mod(_) if is_page(item) => {}
                Item::Mod(child) if !is_for_tests(&child.attrs) => {
                    queue.push(module.iter().cloned().chain([child.ident.to_string()]).collect());
                }
                Item::Use(import) => {
                    for (path, name) in leaves(&import.tree) {
                        // A name of another crate has a path there.
                        if let (Some(file), Some(item)) = (tree.defining_file(&module, &path), path.last()) {
                            add(file, item, &name);
                        }
                    }
                }
                _ => {
                    if let Some(name) = name(item) {
                        add(&node.file, &name, &name);
                    }
                }
            }
        }
    }
    found
}

/// Whether an item is a page of the guide: a module of pages, without code.
fn is_page(item: &Item) -> bool {
    let Item::Mod(module) = item else { return false };
    module.content.as_ref().is_some_and(|(_, items)| items.iter().all(is_page))
}

/// The paths that a `use` names, each with the name that it gets.
fn leaves(tree: &UseTree) -> Vec<(Path, String)> {
    match tree {
        UseTree::Path(path) => {
            let below = leaves(&path.tree).into_iter();
            below.map(|(rest, name)| ([&[path.ident.to_string()], rest.as_slice()].concat(), name)).collect()
        }
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(rename) => vec![(vec![rename.ident.to_string()], rename.rename.to_string())],
        UseTree::Glob(_) => panic!("list the names of a public `use`, so that this test sees them"),
    }
}

#[test]
fn a_second_path_is_detected() {
    let files = [
        (
            "src/lib.rs",
            "pub mod a; mod b; pub mod c; pub mod d { pub mod e {} } pub use a::x::Both; pub use a::x::Root; pub use b::Of as Other;",
        ),
        ("src/a/mod.rs", "pub(crate) mod x; pub use x::{Both, Module}; pub(crate) use x::Root; pub use bytes::Bytes;"),
        ("src/a/x.rs", "pub struct Both; pub struct Module; pub struct Root;"),
        ("src/b.rs", "pub struct Of;"),
        ("src/c.rs", "pub use crate::b::Of; pub fn own() {} fn private() {}"),
    ];
    let files = files.map(|(path, code)| (path.to_owned(), code.to_owned())).into();
    let paths = public_paths(&files, &ModuleTree::new(&files));
    let paths: BTreeSet<_> = paths.into_values().map(|paths| Vec::from_iter(paths).join(" ")).collect();
    assert_eq!(Vec::from_iter(paths), ["Both a::Both", "Other c::Of", "Root", "a::Module", "c::own"].map(String::from));
}
