//! `Extractor`: the axum extractor for any type that implements `Extract`.

/// An axum extractor for any type that implements [`Extract`](crate::extract::Extract), such as your own.
///
/// The types of this crate are extractors themselves, so a handler may take a `UserContext` or an
/// `Extractor<UserContext>`; see the [module](crate::extract).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers destructure it in their arguments")]
pub struct Extractor<T>(pub T);
