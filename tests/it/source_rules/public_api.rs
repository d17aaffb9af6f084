//! The outside crates that the public API names: a breaking release of one of them is a breaking release of this crate.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, Type, Visibility};

use super::dependencies::{keys, manifest};
use super::module_tree::{
    FOREIGN_ROOT, ModuleTree, Path, add_imports, add_paths, attributes, is_for_tests, is_public, name,
};
use super::{assert_none, source_files};

/// Each outside crate that the public API names, and the public items that name it. A new crate is a promise: its
/// version becomes part of this crate's API.
const NAMED: &[(&str, &str)] = &[
    // With the feature `axum`.
    (
        "axum_core",
        "api_key::ApiKeyError, end_streams::EndableBody for Body, extract::Denial, extract::Extractor, \
         extract::Rejection, extract::impl_extractor!, \
         gate::BodyFromBytes for Body, rate_limit::SetDeviceCookie, session::CsrfForm, session::CsrfHeader, session::Session, \
         session::SessionError",
    ),
    (
        "bytes",
        "back_channel_logout::BackChannelLogout, end_streams::EndableBody for BoxBody, \
         end_streams::EndableBody for Empty, \
         end_streams::EndableBody for Full, end_streams::EndableBody for UnsyncBoxBody, end_streams::Ending, \
         end_streams::EndingBody, gate::BodyFromBytes, gate::BodyFromBytes for BoxBody, \
         gate::BodyFromBytes for Bytes, gate::BodyFromBytes for Full, \
         gate::BodyFromBytes for UnsyncBoxBody, gate::Reply, gate::use, \
         shared_signals::SharedSignals",
    ),
    (
        "http",
        "any_of::tuple!, api_key::ApiKeyAuthBuilder, api_key::ApiKeyError, \
         back_channel_logout::BackChannelLogout, client_cert::ClientCertAuthBuilder, \
         context::ClientAddr, context::NoStore, context::TrustedProxies, context::UserContext, csrf::Csrf, \
         end_streams::EndStreamsFuture, end_streams::EndStreamsService, extract::Extract, extract::impl_extractor!, \
         gate::AuthGate, gate::Authenticated, gate::CredentialSource, \
         gate::CredentialSources, gate::Deciding, gate::Decision, gate::Denial, gate::DenialKind, gate::Entry, \
         gate::Gate, gate::Gated, gate::GatedFuture, gate::Reply, gate::ResponseHeaders, http_client::HttpClient, \
         jwt::JwtAuthBuilder, rate_limit::DeviceCookies, rate_limit::Key, rate_limit::Limit, \
         rate_limit::SetDeviceCookie, require::impl_gate!, risk::RiskInput, \
         security_event::SecurityEvent, session::Session, \
         session::SessionError, shared_signals::SharedSignals, stack::Stack, testing::TestIssuer",
    ),
    // The body of a request to an endpoint.
    (
        "http_body",
        "back_channel_logout::BackChannelLogout, end_streams::EndStreamsFuture, end_streams::EndStreamsService, \
         end_streams::Ending, end_streams::EndingBody, shared_signals::SharedSignals",
    ),
    // Bodies that a response can have.
    (
        "http_body_util",
        "back_channel_logout::BackChannelLogout, end_streams::EndableBody for BoxBody, \
         end_streams::EndableBody for Either, \
         end_streams::EndableBody for Empty, end_streams::EndableBody for Full, \
         end_streams::EndableBody for UnsyncBoxBody, gate::BodyFromBytes for BoxBody, \
         gate::BodyFromBytes for Either, gate::BodyFromBytes for Full, \
         gate::BodyFromBytes for UnsyncBoxBody, shared_signals::SharedSignals",
    ),
    // With the feature `metrics`. Only a private function names it, which a macro defines.
    ("metrics", "security_event::table!"),
    // With the feature `redis`.
    (
        "redis",
        "api_key::RedisKeys, rate_limit::RedisStore, replay_cache::RedisReplays, revocation::RevocationsBuilder, session::RedisSessions",
    ),
    (
        "serde",
        "api_key::ApiKeyId, api_key::ApiKeyRecord, context::AuthorizationDetail, context::ClientAddr, \
         context::Credential, context::OriginSet, context::Permission, context::Principal, context::Quota, \
         context::Role, context::Scopes, context::Tier, context::Tiers, context::TrustedProxies, \
         context::UserContext, extract::Claims, headers::Csp, headers::Hsts, password::Password, security_event::SecurityEvent, \
         shared_signals::SecurityEvent, \
         testing::TokenBuilder",
    ),
    // With the feature `tonic`.
    ("tonic", "end_streams::EndableBody for Body, gate::BodyFromBytes for Body, gate::From for Status"),
    (
        "tower_layer",
        "any_of::AnyOf, api_key::ApiKeyAuth, basic::BasicAuth, client::TrustedProxies, client_cert::ClientCertAuth, \
         cors::Cors, csrf::Csrf, end_streams::EndStreams, gate::GateLayer, headers::ClearSiteData, \
         headers::SecurityHeaders, \
         introspection::IntrospectionAuth, ip_filter::IpFilter, jwt::JwtAuth, rate_limit::RateLimit, \
         require::impl_gate!, risk::RiskCheck, session::SessionAuth, session::UserFrom, stack::Stack, testing::AsUser",
    ),
    (
        "tower_service",
        "back_channel_logout::BackChannelLogout, end_streams::EndStreamsService, gate::Gated, gate::GatedFuture, \
         shared_signals::SharedSignals",
    ),
    // A subscriber of the app reads an `Event` as a security event.
    (
        "tracing",
        "security_event::EventKind, security_event::SecurityEvent, security_event::table!, security_event::write_at!",
    ),
];

#[test]
fn the_public_api_names_only_these_crates() {
    let manifest = manifest();
    let found = named_crates(&source_files(), &keys(&manifest, "dependencies"));
    let known: BTreeMap<&str, BTreeSet<&str>> =
        NAMED.iter().map(|(name, items)| (*name, items.split(", ").collect())).collect();
    let is_known = |name: &str, item: &str| known.get(name).is_some_and(|items| items.contains(item));
    let pairs = found.iter().flat_map(|(name, items)| items.iter().map(move |item| (name, item)));
    let new = pairs.filter(|(name, item)| !is_known(name, item)).map(|(name, item)| format!("{item} names {name}"));
    assert_none(
        "a public item names an outside crate: hide the type, or add it to tests/it/source_rules/public_api.rs",
        new,
    );
    let is_found = |name: &str, item: &str| found.get(name).is_some_and(|items| items.contains(item));
    let pairs = known.iter().flat_map(|(name, items)| items.iter().map(move |item| (name, item)));
    let gone = pairs.filter(|(name, item)| !is_found(name, item)).map(|(name, item)| format!("{item} of {name}"));
    assert_none("a public item no longer names the crate", gone);
}

/// The public items that name each of the crates: `gate::Reply` for the type, its methods and its impls in the module
/// `gate`, and `gate::Trait for Type` for an impl of an outside type.
///
/// Every `pub` item counts as public: the lint `unreachable_pub` finds those that are not.
fn named_crates(files: &BTreeMap<String, String>, crates: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let tree = ModuleTree::new(files);
    let parsed: Vec<_> =
        tree.files().map(|(path, file)| (path, file, syn::parse_file(&files[file]).unwrap())).collect();
    let mut collector = Collector { tree: &tree, public_types: BTreeSet::new(), named: BTreeMap::new() };
    for (_, file, syntax) in &parsed {
        let is_type = |item: &&Item| matches!(item, Item::Struct(_) | Item::Enum(_) | Item::Trait(_) | Item::Type(_));
        let types = syntax.items.iter().filter(is_type).filter(|item| is_public(item));
        collector.public_types.extend(types.filter_map(|item| Some(((*file).to_owned(), name(item)?))));
    }
    for (path, _, syntax) in &parsed {
        collector.add_items(path, &syntax.items);
    }
    let is_crate = |name: &String| crates.iter().any(|known| known.replace('-', "_") == *name);
    collector.named.into_iter().filter(|(name, _)| is_crate(name)).collect()
}

struct Collector<'a> {
    tree: &'a ModuleTree,
    /// The public types and traits, each by its file and name.
    public_types: BTreeSet<(String, String)>,
    named: BTreeMap<String, BTreeSet<String>>,
}

impl Collector<'_> {
    fn add_items(&mut self, module: &Path, items: &[Item]) {
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            let mut roots = Roots { tree: self.tree, module, found: BTreeSet::new() };
            let label = match item {
                Item::Impl(item) => match self.visit_impl(module, item, &mut roots) {
                    Some(label) => label,
                    None => continue,
                },
                // What a macro expands to is unknown, so all paths in its definition count.
                Item::Macro(item) => {
                    roots.visit_tokens(item.mac.tokens.clone());
                    let Some(ident) = &item.ident else { continue };
                    format!("{}!", label(module, &ident.to_string()))
                }
                Item::Use(item) if matches!(item.vis, Visibility::Public(_)) => {
                    let mut imports = Vec::new();
                    add_imports(&mut imports, &[], &item.tree, true);
                    imports.iter().for_each(|import| roots.add(import.path.clone()));
                    label(module, "use")
                }
                // The items of a module stand in a file of their own.
                Item::Mod(_) => continue,
                _ if is_public(item) => {
                    roots.visit_public_parts(item);
                    label(module, &name(item).unwrap_or_default())
                }
                _ => continue,
            };
            for root in roots.found {
                self.named.entry(root).or_default().insert(label.clone());
            }
        }
    }

    /// Visits the public parts of an impl, and returns its label; `None` if a type or trait is private.
    fn visit_impl(&self, module: &Path, item: &ItemImpl, roots: &mut Roots<'_>) -> Option<String> {
        let self_path = match &*item.self_ty {
            Type::Path(path) => segments(&path.path),
            _ => Path::new(),
        };
        if !self.is_public_or_outside(module, &self_path) {
            return None;
        }
        let self_name = self_path.last().cloned().unwrap_or_default();
        let Some((trait_path, _)) = &item.trait_ else {
            let public: Vec<_> = item.items.iter().filter(|item| is_public_member(item)).collect();
            if !public.is_empty() {
                roots.visit_generics(&item.generics);
            }
            public.into_iter().for_each(|item| roots.visit_impl_item(item));
            return Some(label(module, &self_name));
        };
        if !self.is_public_or_outside(module, &segments(trait_path)) {
            return None;
        }
        roots.visit_generics(&item.generics);
        roots.visit_path(trait_path);
        roots.visit_type(&item.self_ty);
        // The signatures of the methods are those of the trait.
        let types = item.items.iter().filter(|item| matches!(item, ImplItem::Type(_)));
        types.for_each(|item| roots.visit_impl_item(item));
        let is_local = self.tree.defining_file(module, &self_path).is_some();
        let trait_name = trait_path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        Some(if is_local { label(module, &self_name) } else { label(module, &format!("{trait_name} for {self_name}")) })
    }

    fn is_public_or_outside(&self, module: &Path, path: &[String]) -> bool {
        let (Some(file), Some(name)) = (self.tree.defining_file(module, path), path.last()) else { return true };
        self.public_types.contains(&(file.to_owned(), name.clone()))
    }
}

/// The first segments of all paths in public signatures, after the imports of the module are replaced.
struct Roots<'a> {
    tree: &'a ModuleTree,
    module: &'a Path,
    found: BTreeSet<String>,
}

impl Roots<'_> {
    fn add(&mut self, path: Path) {
        self.found.extend(self.tree.outside_root(self.module, path));
    }

    fn visit_tokens(&mut self, tokens: proc_macro2::TokenStream) {
        let mut paths = BTreeSet::new();
        add_paths(&mut paths, tokens);
        paths.into_iter().for_each(|path| self.add(path));
    }

    fn visit_public_parts(&mut self, item: &Item) {
        match item {
            Item::Struct(item) => {
                item.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
                self.visit_generics(&item.generics);
                self.visit_public_fields(&item.fields);
            }
            Item::Fn(item) => self.visit_signature(&item.sig),
            item => self.visit_item(item),
        }
    }

    fn visit_public_fields(&mut self, fields: &Fields) {
        let public = fields.iter().filter(|field| matches!(field.vis, Visibility::Public(_)));
        public.for_each(|field| self.visit_type(&field.ty));
    }
}

impl Visit<'_> for Roots<'_> {
    fn visit_path(&mut self, path: &syn::Path) {
        self.add(segments(path));
        visit::visit_path(self, path);
    }

    /// A derived impl is public too.
    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let syn::Meta::List(list) = &attribute.meta
            && ["cfg_attr", "derive"].iter().any(|name| list.path.is_ident(name))
        {
            self.visit_tokens(list.tokens.clone());
        }
    }

    /// Bodies and values are not part of the API.
    fn visit_block(&mut self, _: &syn::Block) {}

    fn visit_expr(&mut self, _: &syn::Expr) {}

    fn visit_visibility(&mut self, _: &Visibility) {}
}

fn segments(path: &syn::Path) -> Path {
    let root = path.leading_colon.as_ref().map(|_| FOREIGN_ROOT.to_owned());
    root.into_iter().chain(path.segments.iter().map(|segment| segment.ident.to_string())).collect()
}

/// `gate::Reply` for an item of `src/gate/reply.rs`.
fn label(module: &Path, name: &str) -> String {
    module.first().into_iter().map(|root| format!("{root}::")).chain([name.to_owned()]).collect()
}

fn is_public_member(item: &ImplItem) -> bool {
    match item {
        ImplItem::Const(item) => matches!(item.vis, Visibility::Public(_)),
        ImplItem::Fn(item) => matches!(item.vis, Visibility::Public(_)) && !is_for_tests(&item.attrs),
        _ => false,
    }
}

#[test]
fn crates_are_found_in_public_signatures_only() {
    let files = [
        ("lib.rs", "mod a; pub mod b; pub use outer::Whole;"),
        (
            "a.rs",
            "use outer::{self, Part as Renamed}; use other::Thing; use hidden::Hidden;
             pub struct Public { pub field: Renamed, private: Hidden }
             impl Public { pub fn of<T: Into<Thing>>(_: T) -> Self { Hidden::new() } fn private(_: Hidden) {} }
             struct Private; impl From<Hidden> for Private { fn from(_: Hidden) -> Self { Self } }
             pub(crate) fn inner(_: Hidden) {}
             #[cfg(test)] mod tests { pub fn test(_: hidden::Hidden) {} }",
        ),
        (
            "b.rs",
            "use crate::a::Public;
             impl From<Public> for other::Status { fn from(_: Public) -> Self { hidden::status() } }
             impl outer::Service for Public { type Future = later::Boxed; fn call(_: hidden::Hidden) {} }
             #[derive(Clone, derived::Encode)] pub enum Choice { One(::third::Value) }
             pub trait Gate { fn enter(&self) -> fourth::Entry { hidden::enter() } }
             macro_rules! implement { () => { impl Gate for fifth::Layer {} } }",
        ),
    ];
    let files = files.map(|(path, code)| (format!("src/{path}"), code.to_owned()));
    let crates = ["outer", "other", "hidden", "later", "derived", "third", "fourth", "fifth"];
    let found = named_crates(&files.into(), &crates);
    let lines: Vec<_> =
        found.iter().map(|(name, items)| format!("{name}: {}", Vec::from_iter(items.clone()).join(", "))).collect();
    assert_eq!(
        lines,
        [
            "derived: b::Choice",
            "fifth: b::implement!",
            "fourth: b::Gate",
            "later: b::Public",
            "other: a::Public, b::From for Status",
            "outer: a::Public, b::Public, use",
            "third: b::Choice",
        ]
    );
}
