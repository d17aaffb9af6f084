//! The presets for workloads: GitHub Actions and GitLab CI, with the `Pin` of their tokens, and Kubernetes.

use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::claim_pin::ClaimPin;
use crate::jwt::issuer::claim_rule::ClaimRule;

/// The owner, group or repository whose CI jobs are accepted, by its id.
///
/// Anyone can run a job on the servers of GitHub or GitLab and choose the audience of its token, so the audience does
/// not identify the owner of the job. Unlike a name, an id is never given to another owner.
///
/// ```
/// use portcullis::{Issuer, JwtAuth, Pin};
///
/// let issuer = Issuer::github_actions(Pin::repository_owner_id(9919))
///     .require_claim("environment", ["production"])
///     .audience("https://deploy.example.com");
/// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    claim: &'static str,
    id: u64,
}

impl Pin {
    /// Accepts the jobs of all repositories of a GitHub organization or user.
    #[must_use]
    pub fn repository_owner_id(id: u64) -> Self {
        Self { claim: "repository_owner_id", id }
    }

    /// Accepts the jobs of a GitHub repository.
    #[must_use]
    pub fn repository_id(id: u64) -> Self {
        Self { claim: "repository_id", id }
    }

    /// Accepts the jobs of all projects directly in a GitLab group or user namespace.
    #[must_use]
    pub fn namespace_id(id: u64) -> Self {
        Self { claim: "namespace_id", id }
    }

    /// Accepts the jobs of a GitLab project.
    #[must_use]
    pub fn project_id(id: u64) -> Self {
        Self { claim: "project_id", id }
    }
}

/// # Workloads
///
/// A workload, such as a CI job, is a [client](crate::Principal::Client). Its id and its client id are both `sub`.
impl Issuer {
    /// GitHub Actions on github.com, with the owner or the repository whose jobs are accepted.
    ///
    /// The audience is the one that the workflow requests. To accept only some of the jobs, call
    /// [`require_claim`](Self::require_claim) with `environment`, `ref`, `job_workflow_ref` (the called workflow) or
    /// `event_name`.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Pin};
    ///
    /// let workflow = "octo-org/ops/.github/workflows/deploy.yml@refs/heads/main";
    /// let issuer = Issuer::github_actions(Pin::repository_id(74))
    ///     .require_claim("job_workflow_ref", [workflow])
    ///     .audience("https://deploy.example.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [OpenID Connect reference](https://docs.github.com/actions/reference/security/oidc).
    pub fn github_actions(pin: Pin) -> Self {
        Self::github_issuer("Issuer::github_actions", GITHUB_ISSUER.to_owned(), pin)
    }

    /// GitHub Actions of an enterprise with its own issuer, by the slug of the enterprise.
    ///
    /// Use it if the enterprise has set `include_enterprise_slug`. Otherwise, it is like
    /// [`github_actions`](Self::github_actions).
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Pin};
    ///
    /// let pin = Pin::repository_owner_id(9919);
    /// let issuer = Issuer::github_actions_enterprise("octocat-inc", pin)
    ///     .audience("https://deploy.example.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn github_actions_enterprise(slug: &str, pin: Pin) -> Self {
        let is_slug = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let issuer = format!("{GITHUB_ISSUER}/{slug}");
        Self::github_issuer("Issuer::github_actions_enterprise", issuer, pin).check_argument(
            !slug.is_empty() && slug.bytes().all(is_slug),
            "the slug of an enterprise",
            slug,
        )
    }

    /// GitHub Actions of a GitHub Enterprise Server or of ghe.com, by the URL of the issuer.
    ///
    /// The URL is `https://<host>/_services/token` or `https://token.actions.<subdomain>.ghe.com`. Otherwise, it is like
    /// [`github_actions`](Self::github_actions).
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Pin};
    ///
    /// let url = "https://token.actions.octocorp.ghe.com";
    /// let issuer = Issuer::github_actions_at(url, Pin::repository_id(74))
    ///     .audience("https://deploy.example.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn github_actions_at(issuer: &str, pin: Pin) -> Self {
        Self::github_issuer("Issuer::github_actions_at", issuer.to_owned(), pin).check_base_url(issuer)
    }

    fn github_issuer(constructor: &'static str, issuer: String, pin: Pin) -> Self {
        let jwks_url = format!("{issuer}/.well-known/jwks");
        Self::workload(constructor, issuer, jwks_url)
            .algorithms([Algorithm::Rs256])
            .check_argument(pin.claim.starts_with("repository"), "the id of a repository or its owner", pin.claim)
            .pin(ClaimPin::equals(constructor, pin.claim, [pin.id.to_string()]))
    }

    /// GitLab CI, by the URL of the GitLab instance, with the group or the project whose jobs are accepted.
    ///
    /// The audience is the one in `id_tokens` of the job. To accept only some of the jobs, call
    /// [`require_claim`](Self::require_claim) with `ref`, `ref_protected` (the string `"true"`) or `environment`.
    /// Tokens of merge requests from forks are rejected, unless [`allow_forks`](Self::allow_forks) is set.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Pin};
    ///
    /// let issuer = Issuer::gitlab_ci("https://gitlab.com", Pin::project_id(20))
    ///     .require_claim("ref_protected", ["true"])
    ///     .audience("https://deploy.example.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [ID tokens](https://docs.gitlab.com/ci/secrets/id_token_authentication/).
    pub fn gitlab_ci(base_url: &str, pin: Pin) -> Self {
        let constructor = "Issuer::gitlab_ci";
        let jwks_url = format!("{base_url}/oauth/discovery/keys");
        let mut preset = Self::workload(constructor, base_url.to_owned(), jwks_url)
            .algorithms([Algorithm::Rs256])
            .check_argument(!pin.claim.starts_with("repository"), "the id of a namespace or project", pin.claim)
            .check_base_url(base_url)
            .pin(ClaimPin::equals(constructor, pin.claim, [pin.id.to_string()]));
        preset.conventions.rules.push(NO_FORK);
        preset
    }

    /// Accepts GitLab's jobs for merge requests from forks, which run in the parent project (default: rejected).
    ///
    /// In their tokens, `project_id` and `namespace_id` are those of the fork, and `job_project_id` is the project in
    /// which the job ran. So the [pin](Pin) must be that of the fork. To require the parent project, call
    /// [`require_claim`](Self::require_claim) with `job_project_id`.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Pin};
    ///
    /// let issuer = Issuer::gitlab_ci("https://gitlab.com", Pin::project_id(20))
    ///     .allow_forks()
    ///     .audience("https://preview.example.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn allow_forks(self) -> Self {
        self.preset_setting("allow_forks", &["Issuer::gitlab_ci"], |issuer| issuer.remove_rule(NO_FORK))
    }

    /// Service accounts of a Kubernetes cluster, by the cluster's issuer: `https://kubernetes.default.svc`.
    ///
    /// Choose an audience for your app, which pods request for a projected token. `build()` rejects the audience
    /// that the API server has by default, because a token for it is in every pod. Without
    /// [`service_account`](Self::service_account), every service account of the cluster is accepted.
    ///
    /// The keys are at `/openid/v1/jwks` of the API server, which has a certificate of the cluster and requires a
    /// token. So set [`http_client`](crate::jwt::JwtAuthBuilder::http_client) to a client that trusts `ca.crt` and sends the pod's
    /// own token; otherwise, requests are rejected with 503.
    ///
    /// If the issuer of the cluster is public, as on EKS, use [`discover`](Self::discover) with
    /// [`Profile::Compatible`](crate::Profile::Compatible) and [`workload_tokens`](Self::workload_tokens), and require
    /// `sub` with [`require_claim`](Self::require_claim).
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::kubernetes("https://kubernetes.default.svc")
    ///     .service_account("jobs", "importer")
    ///     .audience("https://orders.example.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [Managing service accounts](https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/).
    pub fn kubernetes(issuer: &str) -> Self {
        let jwks_url = format!("{issuer}/openid/v1/jwks");
        let mut preset = Self::workload("Issuer::kubernetes", issuer.to_owned(), jwks_url).check_base_url(issuer);
        preset.conventions.rules.push(ClaimRule::StartsWith("sub", SERVICE_ACCOUNT));
        preset.conventions.forbidden_audience_prefix = Some("https://kubernetes.default.svc");
        preset
    }

    /// Accepts only this service account of a Kubernetes cluster (default: all of them). Each call adds one.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::kubernetes("https://kubernetes.default.svc")
    ///     .service_account("jobs", "importer")
    ///     .service_account("jobs", "exporter")
    ///     .audience("https://orders.example.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn service_account(self, namespace: &str, name: &str) -> Self {
        let subject = format!("{SERVICE_ACCOUNT}{namespace}:{name}");
        self.preset_setting("service_account", &["Issuer::kubernetes"], |issuer| {
            let pins = &mut issuer.conventions.pins;
            let earlier = pins.iter().position(|pin| pin.setter == "service_account").map(|index| pins.remove(index));
            let subjects = earlier.into_iter().flat_map(|pin| pin.values.into_vec()).chain([subject]);
            pins.push(ClaimPin::equals("service_account", "sub", subjects));
        })
    }

    fn workload(constructor: &'static str, issuer: String, jwks_url: String) -> Self {
        Self::preset(constructor, issuer, jwks_url, |_| {}).workload_tokens()
    }
}

const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

// Since the fix of a vulnerability, `project_id` is the fork, and `job_project_id` the project in which the job ran.
const NO_FORK: ClaimRule = ClaimRule::Equal("job_project_id", "project_id");

const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
