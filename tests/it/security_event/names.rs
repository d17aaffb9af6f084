//! The names of events and reasons, which are stable within a minor version.

use portcullis::security_event::{EventKind, Reason};

/// Reads the enum of a source file: its variants and their names.
fn names(file: &str, is_name: impl Fn(&str) -> Option<&str>) -> Vec<&str> {
    let table = file.split_once("\ntable! {\n").unwrap().1.split_once("\n}\n").unwrap().0;
    table.lines().filter_map(is_name).collect()
}

/// The text between the first two quotes of a line that begins a row.
fn first_name(line: &str) -> Option<&str> {
    let row = line.strip_prefix("    ").filter(|row| !row.starts_with(' '))?;
    row.split('"').nth(1)
}

#[test]
fn the_names_of_events_are_those_of_the_snapshot() {
    let names = names(include_str!("../../../src/security_event/kind.rs"), first_name);
    assert_eq!(
        names.join(" "),
        "access_denied account_failure_limit api_key_created api_key_revoked api_key_rotated api_key_updated \
         backup_code_used breach_check_failed code_replayed credentials_revoked login_failed login_succeeded \
         login_throttled mfa_enrolled mfa_removed overloaded password_changed password_rejected password_reset \
         password_reset_requested rate_limited refresh_repeated refresh_reused refresh_rotated risk_check_failed \
         risk_rejected risk_step_up second_factor_failed session_ended session_started store_unavailable"
    );
    assert_eq!(EventKind::LoginFailed.name(), "login_failed");
}

#[test]
fn the_names_of_reasons_are_those_of_the_snapshot() {
    let names = names(include_str!("../../../src/security_event/reason.rs"), first_name);
    assert_eq!(names.join(" "), REASONS.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(Reason::TokenExpired.to_string(), "token_expired");
}

#[test]
fn the_names_of_fields_are_those_of_the_snapshot() {
    let source = include_str!("../../../src/security_event/emit.rs");
    let fields = source.split_once("$level,\n").unwrap().1.split_once("\"{}\"").unwrap().0;
    let fields: Vec<_> = fields.lines().filter_map(|line| Some(line.trim().split_once(" = ")?.0)).collect();
    assert_eq!(
        fields.join(" "),
        "event reason status method route user issuer account session api_key credential address limit amr generation \
         detail"
    );
}

const REASONS: &str = "
    abnormal_usage account_inactive account_locked account_refused account_unknown account_unverified
    address_refused address_reputation api_key_settings_invalid api_key_store_unavailable back_channel_logout
    breach_check_unavailable client_changed client_not_allowed code_replayed code_wrong credential_invalid
    credential_malformed credential_not_accepted credential_repeated credentials_missing cross_site
    csrf_token_invalid email_not_verified failed_attempts hash_unusable insufficient_authentication
    insufficient_authorization_details insufficient_claims insufficient_permission insufficient_role
    insufficient_scope insufficient_tier introspection_unavailable invalid_response keys_unavailable logged_out
    login_failed login_replaced not_owner one_time_token_invalid overloaded password_breached password_common
    password_context password_invalid password_rejected password_reused password_too_long password_too_short
    password_wrong queue_full quota_exceeded rate_limit_key_missing reduced_capacity replay_cache_unavailable
    revocations_unavailable revoked_by_app second_factor_missing server_misconfigured session_limit
    session_not_found session_store_unavailable shared_signal state_changed timed_out
    token_algorithm_not_allowed token_audience_mismatch token_character_invalid token_claim_invalid
    token_claim_mismatch token_claim_missing token_encoding_invalid token_encrypted token_expired
    token_extension_unsupported token_header_malformed token_inactive token_issued_in_future
    token_issuer_untrusted token_key_unknown token_lifetime_too_long token_nested token_not_yet_valid
    token_payload_malformed token_revoked token_segments_invalid token_sender_constrained
    token_signature_invalid token_too_long token_type_mismatch token_user_unknown too_many_sessions unavailable
    unknown_device unusual_location unusual_time users_unavailable
";
