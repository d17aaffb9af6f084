//! The names of response headers, as text, that several files of this module use.

pub(super) const CONTENT_SECURITY_POLICY: &str = "content-security-policy";
pub(super) const CONTENT_SECURITY_POLICY_REPORT_ONLY: &str = "content-security-policy-report-only";
pub(super) const CROSS_ORIGIN_EMBEDDER_POLICY: &str = "cross-origin-embedder-policy";
pub(super) const CROSS_ORIGIN_OPENER_POLICY: &str = "cross-origin-opener-policy";
pub(super) const CROSS_ORIGIN_RESOURCE_POLICY: &str = "cross-origin-resource-policy";
pub(super) const ORIGIN_AGENT_CLUSTER: &str = "origin-agent-cluster";
pub(super) const PERMISSIONS_POLICY: &str = "permissions-policy";
pub(super) const REFERRER_POLICY: &str = "referrer-policy";
pub(super) const REPORTING_ENDPOINTS: &str = "reporting-endpoints";
pub(super) const STRICT_TRANSPORT_SECURITY: &str = "strict-transport-security";
pub(super) const X_CONTENT_TYPE_OPTIONS: &str = "x-content-type-options";
pub(super) const X_DNS_PREFETCH_CONTROL: &str = "x-dns-prefetch-control";
pub(super) const X_DOWNLOAD_OPTIONS: &str = "x-download-options";
pub(super) const X_FRAME_OPTIONS: &str = "x-frame-options";
pub(super) const X_PERMITTED_CROSS_DOMAIN_POLICIES: &str = "x-permitted-cross-domain-policies";
pub(super) const X_XSS_PROTECTION: &str = "x-xss-protection";
