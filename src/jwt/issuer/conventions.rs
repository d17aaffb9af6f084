//! `IssuerConventions`: how an issuer formats its access tokens, apart from its keys.

use crate::claims::claim_map::ClaimMap;
use crate::claims::claim_path::ClaimPath;
use crate::context::Identity;
use crate::gate::{TokenError, UserMap};
use crate::jwt::issuer::claim_pin::ClaimPin;
use crate::jwt::issuer::claim_rule::ClaimRule;
use crate::jwt::issuer::profile::Profile;
use crate::jwt::issuer::tenants::Tenants;
use crate::jwt::issuer::token_use::TokenUse;
use crate::strict_json::Object;

/// How an issuer formats its access tokens, and how a user is read from them.
///
/// A preset differs from a standard issuer only in these values, so there is one verification for all issuers.
#[derive(Clone, Debug)]
pub(crate) struct IssuerConventions {
    /// Another value of `iss` for the same issuer. Only Google has one.
    pub(crate) alias: Option<&'static str>,
    /// The tenants of an issuer that has [`TENANT`] in its name. Their tokens have the tenant in `iss` and in `tid`.
    pub(crate) tenants: Option<Tenants>,
    /// The value of the JWK member `issuer` of keys for any tenant. Another value must be the `iss` of the token.
    ///
    /// `None` if the issuer's keys do not have this member, which no standard defines.
    pub(crate) key_issuer: Option<String>,
    pub(crate) profile: Profile,
    /// Whether the issuer is the app itself, whose kinds of tokens have [names of its own](Profile#own-issuers).
    pub(crate) is_own: bool,
    /// The claim with the audience, usually `aud`.
    pub(crate) audience_claim: ClaimPath,
    /// A claim that marks access tokens, if the issuer sends one.
    pub(crate) token_use: Option<TokenUse>,
    /// The claims that must have certain values.
    pub(crate) pins: Vec<ClaimPin>,
    /// What a preset requires of claims, besides the pins.
    pub(crate) rules: Vec<ClaimRule>,
    /// The only tenant whose tokens are accepted; `None` for all of them.
    pub(crate) required_tenant: Option<String>,
    /// The setting of a preset that must be used instead of an audience.
    pub(crate) audience_setter: Option<&'static str>,
    /// A prefix of further audiences that are accepted.
    pub(crate) audience_prefix: Option<&'static str>,
    /// A prefix of audiences that must not be configured.
    pub(crate) forbidden_audience_prefix: Option<&'static str>,
    /// Whether a token without an audience is accepted.
    pub(crate) allows_missing_audience: bool,
    /// How tokens without a user are recognized, beyond the rule of RFC 9068 §2.2.
    pub(crate) client_marker: Option<ClientMarker>,
    pub(crate) claims: ClaimMap,
    /// Reads claims whose format is the provider's own, which a `ClaimMap` cannot express.
    pub(crate) provider_claims: Option<ProviderClaims>,
    /// The function of [`map_user`](crate::Issuer::map_user).
    pub(crate) user_map: Option<UserMap>,
}

impl IssuerConventions {
    /// The conventions of an issuer that follows the standards.
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            alias: None,
            tenants: None,
            key_issuer: None,
            profile,
            is_own: false,
            audience_claim: ClaimPath::new("aud"),
            token_use: None,
            pins: Vec::new(),
            rules: Vec::new(),
            required_tenant: None,
            audience_setter: None,
            audience_prefix: None,
            forbidden_audience_prefix: None,
            allows_missing_audience: false,
            client_marker: None,
            claims: ClaimMap::new(),
            provider_claims: None,
            user_map: None,
        }
    }
}

/// Changes the user that was read by the claim map.
pub(crate) type ProviderClaims = fn(&Object<'_>, &mut Identity) -> Result<(), TokenError>;

/// How an issuer marks the tokens of clients that act on their own behalf, without a user.
///
/// RFC 9068 §2.2 recognizes such a token by equal values of `sub` and `client_id`. These issuers send another subject,
/// or claims that otherwise only users have.
#[derive(Clone, Debug)]
pub(crate) enum ClientMarker {
    /// The issuer issues all tokens to clients: workloads such as CI jobs. The client's id is the id of the principal.
    Always,
    /// The claim has this value.
    Equals(&'static str, &'static str),
    /// The claim equals `sub`.
    EqualsSubject(&'static str),
    /// The claim has this prefix.
    StartsWith(&'static str, &'static str),
}

/// The placeholder for the tenant in the name of an issuer of many tenants, as in the metadata of Entra ID.
pub(crate) const TENANT: &str = "{tenantid}";
