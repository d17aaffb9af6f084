//! The crate's module tree as the compiler sees it: every file of `src`, its items, its imports and the paths it names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, Meta, Stmt, UseTree, Visibility};

use super::source_files;

/// The modules of the crate, each by its path from the crate root. Modules that only tests or fuzz targets compile are
/// left out.
pub(super) struct ModuleTree {
    modules: BTreeMap<Path, Module>,
}

/// A path, one segment an element. The path of the crate root is empty.
pub(super) type Path = Vec<String>;

/// The first segment of a path such as `::tonic::Status`, whose root is the list of foreign crates.
pub(super) const FOREIGN_ROOT: &str = "";

/// One module: a file, or a `mod name { .. }` inside a file.
#[derive(Default)]
pub(super) struct Module {
    pub(super) file: String,
    /// The names of the types, functions, constants and macros that the module defines.
    pub(super) items: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    /// The paths in signatures, bodies, attributes and macro calls.
    pub(super) paths: BTreeSet<Path>,
}

/// One name that a `use` brings into scope.
pub(super) struct Import {
    /// The name in scope; `None` for a glob.
    name: Option<String>,
    pub(super) path: Path,
    is_reexport: bool,
}

impl ModuleTree {
    /// Reads the tree from the files of `src`, each by its path from the repository root.
    pub(super) fn new(files: &BTreeMap<String, String>) -> Self {
        let mut tree = Self { modules: BTreeMap::new() };
        tree.add_file(files, "src/lib.rs".to_owned(), Vec::new());
        tree
    }

    /// The library's tree, parsed once for all tests.
    pub(super) fn of_library() -> &'static Self {
        static TREE: LazyLock<ModuleTree> = LazyLock::new(|| ModuleTree::new(&source_files()));
        &TREE
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = (&Path, &Module)> {
        self.modules.iter()
    }

    /// Each file, with the path of its outermost module.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        // The map is ordered, so the module of a file precedes the modules inside that file.
        let mut seen = BTreeSet::new();
        let outermost = self.modules.iter().filter(move |(_, module)| seen.insert(&module.file));
        outermost.map(|(path, module)| (path, module.file.as_str()))
    }

    /// The first segment of what `path` names inside `module`, such as `http` for an imported `HeaderMap`; `None` if
    /// this crate defines it.
    pub(super) fn outside_root(&self, module: &[String], mut path: Path) -> Option<String> {
        while self.defining_file(module, &path).is_none() {
            let first = path.first()?;
            if first == FOREIGN_ROOT {
                return path.get(1).cloned();
            }
            let imports = &self.modules.get(module)?.imports;
            // An import may name itself, as in `use tracing;`.
            let import = imports.iter().find(|import| import.name.as_ref() == Some(first) && import.path[0] != *first);
            let Some(import) = import else { return Some(first.clone()) };
            path.splice(..1, import.path.iter().cloned());
        }
        None
    }

    /// The file that defines what `path` names inside `module`; `None` if another crate defines it.
    ///
    /// Re-exports are followed: `crate::context::Realm` is defined in `src/context/realm.rs`.
    pub(super) fn defining_file(&self, module: &[String], path: &[String]) -> Option<&str> {
        self.resolve(module, path, 0)
    }

    /// The files that a module depends on, each with the path that names it. Re-exports are no dependencies.
    pub(super) fn dependencies<'a>(&'a self, path: &'a Path, module: &'a Module) -> BTreeMap<&'a str, String> {
        let imports = module.imports.iter().filter(|import| !import.is_reexport).map(|import| &import.path);
        // A lone segment may be a local variable. It cannot be a module, and `imports` has it if it is an import.
        let paths = module.paths.iter().filter(|path| path.len() > 1);
        let mut found = BTreeMap::new();
        for named in imports.chain(paths) {
            if let Some(file) = self.defining_file(path, named).filter(|file| *file != module.file) {
                found.entry(file).or_insert_with(|| named.join("::"));
            }
        }
        found
    }

    fn add_file(&mut self, files: &BTreeMap<String, String>, file: String, path: Path) {
        let text = files.get(&file).unwrap_or_else(|| panic!("no file {file}"));
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.add_module(files, file, path, &syntax.items);
    }

    fn add_module(&mut self, files: &BTreeMap<String, String>, file: String, path: Path, items: &[Item]) {
        let mut module = Module { file, ..Module::default() };
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            match item {
                Item::Mod(inner) => {
                    let inner_path = joined(&path, inner.ident.to_string());
                    match &inner.content {
                        Some((_, items)) => self.add_module(files, module.file.clone(), inner_path, items),
                        None => self.add_file(files, file_of(files, &inner_path), inner_path),
                    }
                }
                Item::Use(import) => {
                    let is_reexport = !matches!(import.vis, Visibility::Inherited);
                    let root = import.leading_colon.as_ref().map(|_| FOREIGN_ROOT.to_owned());
                    add_imports(&mut module.imports, root.as_slice(), &import.tree, is_reexport);
                }
                _ => {
                    module.items.extend(name(item));
                    PathCollector { paths: &mut module.paths, imports: &mut module.imports }.visit_item(item);
                }
            }
        }
        self.modules.insert(path, module);
    }

    fn resolve(&self, module: &[String], path: &[String], depth: u8) -> Option<&str> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.find(&[], rest, depth),
            "self" => self.find(module, rest, depth),
            "super" => {
                let (_, parent) = module.split_last()?;
                // `super::super::name` goes on upward.
                let is_upward = rest.first().is_some_and(|next| next == "super");
                if is_upward { self.resolve(parent, rest, depth) } else { self.find(parent, rest, depth) }
            }
            _ => self.find(module, path, depth),
        }
    }

    /// The file that defines `path`, whose first segment is a child, an item or an import of `module`.
    fn find(&self, module_path: &[String], path: &[String], depth: u8) -> Option<&str> {
        // An import may name itself, as in `use tracing;`.
        const MAX_DEPTH: u8 = 16;
        let module = self.modules.get(module_path)?;
        let Some((first, rest)) = path.split_first() else {
            return Some(&module.file);
        };
        let child = joined(module_path, first.clone());
        let is_item = module.items.contains(first);
        if self.modules.contains_key(&child) && !(rest.is_empty() && is_item) {
            return self.find(&child, rest, depth);
        }
        if is_item {
            return Some(&module.file);
        }
        if depth == MAX_DEPTH {
            return None;
        }
        module.imports.iter().find_map(|import| match &import.name {
            Some(name) if name == first => self.resolve(module_path, &[&import.path, rest].concat(), depth + 1),
            Some(_) => None,
            None => self.resolve(module_path, &[&import.path, path].concat(), depth + 1),
        })
    }
}

fn joined(path: &[String], segment: String) -> Path {
    let mut path = path.to_vec();
    path.push(segment);
    path
}

fn file_of(files: &BTreeMap<String, String>, module: &[String]) -> String {
    let stem = format!("src/{}", module.join("/"));
    let folder = format!("{stem}/mod.rs");
    if files.contains_key(&folder) { folder } else { format!("{stem}.rs") }
}

pub(super) fn add_imports(imports: &mut Vec<Import>, prefix: &[String], tree: &UseTree, is_reexport: bool) {
    let mut add = |name: Option<String>, path| imports.push(Import { name, path, is_reexport });
    match tree {
        UseTree::Path(path) => add_imports(imports, &joined(prefix, path.ident.to_string()), &path.tree, is_reexport),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| add_imports(imports, prefix, tree, is_reexport));
        }
        UseTree::Name(name) if name.ident == "self" => add(prefix.last().cloned(), prefix.to_vec()),
        UseTree::Name(name) => add(Some(name.ident.to_string()), joined(prefix, name.ident.to_string())),
        UseTree::Rename(rename) => add(Some(rename.rename.to_string()), joined(prefix, rename.ident.to_string())),
        UseTree::Glob(_) => add(None, prefix.to_vec()),
    }
}

/// Collects the paths inside an item, and its `use` statements.
struct PathCollector<'a> {
    paths: &'a mut BTreeSet<Path>,
    imports: &'a mut Vec<Import>,
}

impl Visit<'_> for PathCollector<'_> {
    fn visit_path(&mut self, path: &syn::Path) {
        let root = path.leading_colon.as_ref().map(|_| FOREIGN_ROOT.to_owned());
        self.paths
            .insert(root.into_iter().chain(path.segments.iter().map(|segment| segment.ident.to_string())).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        self.visit_path(&call.path);
        add_paths(self.paths, call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let Meta::List(list) = &attribute.meta {
            add_paths(self.paths, list.tokens.clone());
        }
        self.visit_path(attribute.path());
    }

    fn visit_item_use(&mut self, import: &syn::ItemUse) {
        add_imports(self.imports, &[], &import.tree, false);
    }

    fn visit_impl_item(&mut self, item: &ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Local(local) if is_for_tests(&local.attrs) => {}
            _ => visit::visit_stmt(self, statement),
        }
    }

    /// `pub(in crate::a)` depends on nothing.
    fn visit_visibility(&mut self, _: &Visibility) {}
}

/// Adds every `a::b::c` of the tokens of a macro call, whose grammar only the macro knows.
pub(super) fn add_paths(paths: &mut BTreeSet<Path>, tokens: TokenStream) {
    let mut path = Path::new();
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    paths.insert(std::mem::take(&mut path));
                } else if path.is_empty() {
                    path.push(FOREIGN_ROOT.to_owned());
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            other => {
                paths.insert(std::mem::take(&mut path));
                colons = 0;
                if let TokenTree::Group(group) = other {
                    add_paths(paths, group.stream());
                }
            }
        }
    }
    paths.insert(path);
}

pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name of an item that others can import.
pub(super) fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Whether an item is `pub`, and not only `pub(crate)`.
pub(super) fn is_public(item: &Item) -> bool {
    let visibility = match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Mod(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Use(item) => &item.vis,
        _ => return false,
    };
    matches!(visibility, Visibility::Public(_))
}

/// Whether `#[cfg(test)]` or `#[cfg(fuzzing)]`, alone or within `all(..)`, is among the attributes.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.contains("fuzzing")
        }
        _ => false,
    })
}
