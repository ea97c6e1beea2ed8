//! What ClickHouse says when it refuses.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

/// An error of ClickHouse, or in its manner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The number that clients decide by.
    pub code: u32,
    /// The whole text, as in `Code: 60. DB::Exception: …`.
    pub text: String,
}

/// Numbers of exceptions, named as ClickHouse names them.
pub mod codes {
    /// The body ended too early.
    pub const CANNOT_READ_ALL_DATA: u32 = 33;
    /// A request that makes no sense.
    pub const BAD_ARGUMENTS: u32 = 36;
    /// A compressed block that was changed on its way.
    pub const CHECKSUM_DOESNT_MATCH: u32 = 40;
    /// Something that a real server can do.
    pub const NOT_IMPLEMENTED: u32 = 48;
    /// A compressed block of another method.
    pub const UNKNOWN_COMPRESSION_METHOD: u32 = 89;
    /// A setting that there is not.
    pub const UNKNOWN_SETTING: u32 = 115;
    /// A compressed block that cannot be unpacked.
    pub const CANNOT_DECOMPRESS: u32 = 271;
    /// An error without a number of its own.
    pub const UNKNOWN_EXCEPTION: u32 = 1002;
}

impl Exception {
    /// An error whose text says its own code.
    #[must_use]
    pub fn new(text: String) -> Self {
        let number = text.split_once("Code: ").map_or("", |(_, rest)| rest);
        let digits = number.split(|c: char| !c.is_ascii_digit()).next();
        let code = digits.and_then(|digits| digits.parse().ok());
        Self {
            code: code.unwrap_or(codes::UNKNOWN_EXCEPTION),
            text,
        }
    }

    /// An error that ClickHouse itself has not said.
    pub fn of(code: u32, problem: impl AsRef<str>) -> Self {
        let text = format!("Code: {code}. DB::Exception: {}", problem.as_ref());
        Self { code, text }
    }

    /// The answer to a request that is refused. A real server has other
    /// statuses for some exceptions; clients go by the number.
    #[must_use]
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.text.into()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        let headers = response.headers_mut();
        headers.insert("X-ClickHouse-Exception-Code", self.code.into());
        response
    }

    /// An error without a reason.
    #[must_use]
    pub fn unknown(problem: &str) -> Self {
        Self::of(codes::UNKNOWN_EXCEPTION, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_the_text() {
        let check = |text: &str, code| assert_eq!(Exception::new(text.to_owned()).code, code);
        check("Code: 60. DB::Exception: Unknown table (UNKNOWN_TABLE)", 60);
        check("While reading: Code: 27. DB::Exception: Cannot parse", 27);
        check("Code: x", codes::UNKNOWN_EXCEPTION);
        check("", codes::UNKNOWN_EXCEPTION);
        assert_eq!(Exception::new(Exception::of(115, "no").text).code, 115);
    }
}
