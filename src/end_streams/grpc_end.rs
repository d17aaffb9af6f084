//! The end of a gRPC call whose credential has ended: trailers, or a frame of them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::context::{Credential, Realm};
use crate::field::grpc;
use crate::gate::{Denial, DenialKind, TokenError};
use crate::revocation::Ended;

/// Returns the trailers of a gRPC call: the status that a call with this credential would get now.
pub(super) fn trailers(ended: Ended, credential: Credential) -> HeaderMap {
    let kind = match (credential, ended) {
        (Credential::Token, Ended::Expired) => DenialKind::InvalidToken(TokenError::Expired),
        (Credential::Token, Ended::Revoked) => DenialKind::InvalidToken(TokenError::Revoked),
        _ => DenialKind::InvalidCredential,
    };
    let denial = Denial::new(kind, Realm::default());
    let status = HeaderValue::from(u16::from(grpc::status_code(denial.status())));
    let message = grpc::message(&denial.detail());
    let code = HeaderValue::from_static(denial.code());
    HeaderMap::from_iter([(grpc::GRPC_STATUS, status), (grpc::GRPC_MESSAGE, message), (grpc::ERROR_CODE, code)])
}

/// Returns these trailers as a frame of gRPC-Web: a flag, the length in 32 bits, and lines as in HTTP/1.
pub(super) fn web_frame(trailers: &HeaderMap, is_text: bool) -> Bytes {
    const TRAILERS: u8 = 0x80;
    let mut lines = Vec::new();
    for (name, value) in trailers {
        lines.extend([name.as_str().as_bytes(), b":", value.as_bytes(), b"\r\n"].concat());
    }
    // Three short lines.
    let length = u32::try_from(lines.len()).unwrap_or_default().to_be_bytes();
    let frame = [&[TRAILERS], length.as_slice(), &lines].concat();
    if is_text { BASE64_STANDARD.encode(frame).into() } else { frame.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_grpc_web_has_the_length_of_its_lines() {
        let trailers = super::trailers(Ended::Revoked, Credential::Token);
        assert_eq!(trailers[grpc::GRPC_STATUS], "16");
        let frame = web_frame(&trailers, false);
        let lines = &frame[5..];
        assert_eq!((frame[0], &frame[1..5]), (0x80, (lines.len() as u32).to_be_bytes().as_slice()));
        let text = std::str::from_utf8(lines).unwrap();
        assert!(text.contains("grpc-status:16\r\n") && text.contains("error-code:token_revoked\r\n"), "{text}");
        assert_eq!(BASE64_STANDARD.decode(web_frame(&trailers, true)).unwrap(), frame);
    }

    #[test]
    fn a_call_ends_with_the_status_that_a_new_one_would_get() {
        for (credential, ended, code) in [
            (Credential::Token, Ended::Expired, "token_expired"),
            (Credential::Token, Ended::Revoked, "token_revoked"),
            (Credential::ApiKey, Ended::Revoked, "credential_invalid"),
        ] {
            let trailers = super::trailers(ended, credential);
            assert_eq!(
                (&trailers[grpc::ERROR_CODE], &trailers[grpc::GRPC_STATUS]),
                (&code.parse().unwrap(), &16.into())
            );
        }
    }
}
