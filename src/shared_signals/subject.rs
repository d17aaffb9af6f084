//! `EventSubject`: the subject of a security event, and the credentials that it identifies (RFC 9493).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::revocation::Revocation;
use crate::shared_signals::error::SetError;

/// The subject of a security event: the claim `sub_id` (RFC 9493; Shared Signals Framework 1.0 §3).
///
/// ```
/// use portcullis::shared_signals::EventSubject;
///
/// // {"format": "email", "email": "ann@example.com"}
/// fn address(subject: &EventSubject) -> Option<&str> {
///     match subject.format() {
///         "email" => subject.get("/email"),
///         // A user by address, and a session by its id.
///         "complex" => subject.get("/user/email"),
///         _ => None,
///     }
/// }
/// # let _ = address;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSubject {
    format: Arc<str>,
    members: Arc<Value>,
}

/// What a subject identifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Session {
        issuer: String,
        id: String,
    },
    User {
        issuer: String,
        id: String,
    },
    Token {
        issuer: String,
        id: String,
    },
    /// Only the app knows.
    Unknown,
    /// A member that must be understood is not.
    Discarded,
}

impl EventSubject {
    /// Reads the JSON text of a subject, whose names are unique.
    ///
    /// # Errors
    ///
    /// Returns [`SetError::Subject`] if it is not an object with a format, or lacks what its format requires.
    pub(super) fn parse(text: &str) -> Result<Self, SetError> {
        let members: Value = serde_json::from_str(text).map_err(|_| SetError::Subject)?;
        let format = text_of(&members, "format")?.into();
        let subject = Self { format, members: Arc::new(members) };
        // Checks all members of known formats.
        subject.target(&[])?;
        Ok(subject)
    }

    /// Returns the format, such as `email`, `iss_sub`, `opaque` or `complex`.
    #[must_use]
    pub fn format(&self) -> &str {
        &self.format
    }

    /// Returns a member that is a string, by its JSON Pointer (RFC 6901).
    ///
    /// For example `/email`, or `/session/id` of a complex subject. `None` if there is no such member, or it is not a
    /// string.
    #[must_use]
    pub fn get(&self, pointer: &str) -> Option<&str> {
        self.members.pointer(pointer)?.as_str()
    }

    /// Returns what the subject identifies. `critical` has the members that must be understood.
    ///
    /// # Errors
    ///
    /// Returns [`SetError::Subject`] if a subject of a known format lacks a member.
    pub(super) fn target(&self, critical: &[String]) -> Result<Target, SetError> {
        if &*self.format != "complex" {
            return simple(&self.members);
        }
        let is_unknown = |name: &String| self.members.get(name).is_some() && !UNDERSTOOD.contains(&name.as_str());
        if critical.iter().any(is_unknown) {
            return Ok(Target::Discarded);
        }
        let user = self.members.get("user").map(simple).transpose()?;
        let Some(session) = self.members.get("session") else { return Ok(user.unwrap_or(Target::Unknown)) };
        Ok(match (text_of(session, "format")?, user) {
            ("iss_sub", _) => Target::Session { issuer: owned(session, "iss")?, id: owned(session, "sub")? },
            // An id is unique at the issuer of the user.
            ("opaque", Some(Target::User { issuer, .. })) => Target::Session { issuer, id: owned(session, "id")? },
            _ => Target::Unknown,
        })
    }
}

impl Target {
    /// Returns the revocation as of a time, which is since 1970. `None` if the target is not known.
    pub(super) fn revocation(&self, time: Duration) -> Option<Revocation> {
        match self {
            Self::Session { issuer, id } => Some(Revocation::session(issuer, id).until(time)),
            Self::User { issuer, id } => Some(Revocation::subject(issuer, id).until(time)),
            // Whenever it was issued: clocks may differ, and there is no later token with this id.
            Self::Token { issuer, id } => Some(Revocation::token(issuer, id)),
            Self::Unknown | Self::Discarded => None,
        }
    }
}

/// Returns what a subject identifies that is not complex.
fn simple(subject: &Value) -> Result<Target, SetError> {
    Ok(match text_of(subject, "format")? {
        "iss_sub" => Target::User { issuer: owned(subject, "iss")?, id: owned(subject, "sub")? },
        "jwt_id" => Target::Token { issuer: owned(subject, "iss")?, id: owned(subject, "jti")? },
        _ => Target::Unknown,
    })
}

fn text_of<'a>(subject: &'a Value, name: &str) -> Result<&'a str, SetError> {
    let text = subject.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).ok_or(SetError::Subject)
}

fn owned(subject: &Value, name: &str) -> Result<String, SetError> {
    text_of(subject, name).map(str::to_owned)
}

/// The members of a complex subject that select what is revoked, or that do not restrict it.
const UNDERSTOOD: [&str; 4] = ["format", "session", "tenant", "user"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target(subject: &Value) -> Result<Target, SetError> {
        EventSubject::parse(&subject.to_string())?.target(&["device".to_owned(), "user".to_owned()])
    }

    fn user() -> Value {
        json!({ "format": "iss_sub", "iss": "https://a.example", "sub": "ann" })
    }

    #[test]
    fn a_user_a_token_and_a_session_are_identified() {
        let issuer = || "https://a.example".to_owned();
        assert_eq!(target(&user()), Ok(Target::User { issuer: issuer(), id: "ann".to_owned() }));
        let token = json!({ "format": "jwt_id", "iss": "https://a.example", "jti": "t1" });
        assert_eq!(target(&token), Ok(Target::Token { issuer: issuer(), id: "t1".to_owned() }));
        let session = Ok(Target::Session { issuer: issuer(), id: "s1".to_owned() });
        let opaque = json!({ "format": "opaque", "id": "s1" });
        let named = json!({ "format": "iss_sub", "iss": "https://a.example", "sub": "s1" });
        for of_session in [&opaque, &named] {
            let tenant = json!({ "format": "opaque", "id": "acme" });
            let complex = json!({ "format": "complex", "user": user(), "session": of_session, "tenant": tenant });
            assert_eq!(target(&complex), session);
        }
        assert_eq!(target(&json!({ "format": "complex", "session": named })), session);
        let of_user = json!({ "format": "complex", "user": user(), "group": opaque });
        assert_eq!(target(&of_user), target(&user()));
    }

    #[test]
    fn other_formats_are_unknown() {
        for subject in [
            json!({ "format": "opaque", "id": "s1" }),
            json!({ "format": "email", "email": "ann@example.com" }),
            json!({ "format": "new" }),
            json!({ "format": "complex", "session": { "format": "opaque", "id": "s1" } }),
            json!({ "format": "complex", "application": { "format": "opaque", "id": "s1" } }),
            json!({ "format": "complex", "user": { "format": "email", "email": "ann@example.com" } }),
        ] {
            assert_eq!(target(&subject), Ok(Target::Unknown), "{subject}");
        }
    }

    #[test]
    fn a_subject_with_an_unknown_critical_member_is_discarded() {
        let device = json!({ "format": "opaque", "id": "d1" });
        let complex = json!({ "format": "complex", "user": user(), "device": device });
        assert_eq!(target(&complex), Ok(Target::Discarded));
        let subject = EventSubject::parse(&complex.to_string()).unwrap();
        assert_eq!(subject.target(&[]), target(&user()));
    }

    #[test]
    fn a_subject_without_what_its_format_requires_is_rejected() {
        for subject in [
            json!("ann"),
            json!({}),
            json!({ "format": 1 }),
            json!({ "format": "" }),
            json!({ "format": "iss_sub", "sub": "ann" }),
            json!({ "format": "iss_sub", "iss": "", "sub": "ann" }),
            json!({ "format": "jwt_id", "iss": "a", "jti": 7 }),
            json!({ "format": "complex", "user": "ann" }),
            json!({ "format": "complex", "user": user(), "session": null }),
            json!({ "format": "complex", "user": user(), "session": { "format": "opaque" } }),
        ] {
            assert_eq!(target(&subject), Err(SetError::Subject), "{subject}");
        }
    }

    #[test]
    fn members_are_found_by_their_pointer() {
        let subject = json!({ "format": "complex", "user": { "format": "email", "email": "ann@example.com" } });
        let subject = EventSubject::parse(&subject.to_string()).unwrap();
        assert_eq!((subject.format(), subject.get("/user/email")), ("complex", Some("ann@example.com")));
        assert_eq!((subject.get("/user"), subject.get("user")), (None, None));
    }
}
