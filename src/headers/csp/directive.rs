//! `Directive`: the directives of a content security policy that have a list of sources.

use std::fmt;

/// A directive that has a list of sources (CSP 3 §6.1 to §6.4).
///
/// Fetch directives, whose names end in `-src`, fall back to `default-src` if they are not set. `base-uri`,
/// `form-action` and `frame-ancestors` do not: set them in every policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Directive {
    /// `base-uri`: the URLs that the page's `<base>` element may have.
    BaseUri,
    /// `child-src`: frames and workers, unless `frame-src` or `worker-src` is set.
    ChildSrc,
    /// `connect-src`: `fetch`, `WebSocket`, `EventSource` and beacons.
    ConnectSrc,
    /// `default-src`: the fallback for every fetch directive that is not set.
    DefaultSrc,
    /// `font-src`: fonts.
    FontSrc,
    /// `form-action`: the URLs to which forms may be submitted.
    FormAction,
    /// `frame-ancestors`: the pages that may embed this page in a frame.
    FrameAncestors,
    /// `frame-src`: the URLs that the page may embed in a frame.
    FrameSrc,
    /// `img-src`: images.
    ImgSrc,
    /// `manifest-src`: web app manifests.
    ManifestSrc,
    /// `media-src`: audio and video.
    MediaSrc,
    /// `object-src`: plug-ins.
    ObjectSrc,
    /// `script-src`: scripts.
    ScriptSrc,
    /// `script-src-attr`: inline event handlers.
    ScriptSrcAttr,
    /// `script-src-elem`: `<script>` elements.
    ScriptSrcElem,
    /// `style-src`: style sheets.
    StyleSrc,
    /// `style-src-attr`: `style` attributes.
    StyleSrcAttr,
    /// `style-src-elem`: `<style>` elements and linked style sheets.
    StyleSrcElem,
    /// `worker-src`: workers.
    WorkerSrc,
}

impl Directive {
    /// Returns the name of the directive, for example `script-src`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BaseUri => "base-uri",
            Self::ChildSrc => "child-src",
            Self::ConnectSrc => "connect-src",
            Self::DefaultSrc => "default-src",
            Self::FontSrc => "font-src",
            Self::FormAction => "form-action",
            Self::FrameAncestors => "frame-ancestors",
            Self::FrameSrc => "frame-src",
            Self::ImgSrc => "img-src",
            Self::ManifestSrc => "manifest-src",
            Self::MediaSrc => "media-src",
            Self::ObjectSrc => "object-src",
            Self::ScriptSrc => "script-src",
            Self::ScriptSrcAttr => "script-src-attr",
            Self::ScriptSrcElem => "script-src-elem",
            Self::StyleSrc => "style-src",
            Self::StyleSrcAttr => "style-src-attr",
            Self::StyleSrcElem => "style-src-elem",
            Self::WorkerSrc => "worker-src",
        }
    }

    /// Returns the directive of this name, in any case (CSP 3 §2.2.1).
    pub(super) fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|directive| directive.name().eq_ignore_ascii_case(name))
    }

    /// Whether the directive decides about scripts, itself or as the fallback.
    pub(super) fn governs_scripts(self) -> bool {
        matches!(self, Self::DefaultSrc | Self::ScriptSrc | Self::ScriptSrcAttr | Self::ScriptSrcElem)
    }

    /// Whether the directive decides about styles, itself or as the fallback.
    pub(super) fn governs_styles(self) -> bool {
        matches!(self, Self::DefaultSrc | Self::StyleSrc | Self::StyleSrcAttr | Self::StyleSrcElem)
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const ALL: [Directive; 19] = [
    Directive::BaseUri,
    Directive::ChildSrc,
    Directive::ConnectSrc,
    Directive::DefaultSrc,
    Directive::FontSrc,
    Directive::FormAction,
    Directive::FrameAncestors,
    Directive::FrameSrc,
    Directive::ImgSrc,
    Directive::ManifestSrc,
    Directive::MediaSrc,
    Directive::ObjectSrc,
    Directive::ScriptSrc,
    Directive::ScriptSrcAttr,
    Directive::ScriptSrcElem,
    Directive::StyleSrc,
    Directive::StyleSrcAttr,
    Directive::StyleSrcElem,
    Directive::WorkerSrc,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directive_is_found_by_its_name_in_any_case() {
        for directive in ALL {
            assert_eq!(Directive::from_name(directive.name()), Some(directive));
            assert_eq!(Directive::from_name(&directive.name().to_uppercase()), Some(directive));
        }
        assert_eq!(Directive::from_name("script"), None);
    }
}
