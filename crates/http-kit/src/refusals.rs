//! What the server refuses by itself, before a request reaches any handler.
//!
//! It answers what is no request, one whose head is too large, and one whose
//! head does not come, with a status and nothing else, and nothing in it can
//! be told to say more. So the place to say more is the last one: where the
//! bytes go to the socket. Every other error here has a body, and no body ends
//! in a head; an empty error at the end of what is written is therefore the server's.

use actix_web::http::StatusCode;
use bytes::Bytes;

use crate::problem::Problem;

/// The heads meant here have about 110 bytes.
const REFUSAL_BYTES_MAX: usize = 256;

/// Where in `written` an empty refusal begins that is the end of it.
pub(crate) fn start_in(written: &[u8]) -> Option<usize> {
    let end = written.strip_suffix(b"\r\n\r\n")?;
    let from = end.len().saturating_sub(REFUSAL_BYTES_MAX);
    let start = from + rfind(&end[from..], b"HTTP/1.1 ")?;
    let head = &end[start..];
    let is_empty = rfind(head, b"\r\ncontent-length: 0\r\n").is_some();
    let is_one_head = rfind(head, b"\r\n\r\n").is_none();
    let is_error = matches!(head.get("HTTP/1.1 ".len()), Some(b'4' | b'5'));
    (is_error && is_empty && is_one_head).then_some(start)
}

/// The answer in the place of `refusal`, as [`start_in`] has found it.
pub(crate) fn document(refusal: &[u8]) -> Bytes {
    let status = refusal.get("HTTP/1.1 ".len()..).and_then(|it| it.get(..3));
    let status = status.and_then(|digits| StatusCode::from_bytes(digits).ok());
    let status = status.unwrap_or(StatusCode::BAD_REQUEST);
    let detail = match status {
        StatusCode::BAD_REQUEST => {
            "this is no HTTP/1.1 request over plain TCP: its first line and its headers, \
             `Host` among them, must be well-formed"
        }
        StatusCode::REQUEST_TIMEOUT => "the request line and the headers did not come in time",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the request line and the headers together are too large, or the headers are too \
             many: a request has at most 96"
        }
        _ => "the request could not be answered",
    };
    let problem = Problem::without_instance(status, detail);
    let body = serde_json::to_string(&problem).expect("it is made of text and a number");
    let head = String::from_utf8_lossy(refusal);
    // Its length is wrong now, and that the connection ends is not always said.
    let kept = head
        .lines()
        .filter(|it| it.starts_with("HTTP/") || it.starts_with("date:"));
    let length = format!("content-length: {}", body.len());
    let further = [
        length.as_str(),
        "connection: close",
        "content-type: application/problem+json",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "",
    ];
    let lines: Vec<_> = kept.chain(further).chain([body.as_str()]).collect();
    lines.join("\r\n").into()
}

fn rfind(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len()).rposition(|it| it == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\
                           date: Sat, 08 Nov 2025 18:30:00 GMT\r\n\r\n";

    #[test]
    fn an_empty_error_at_the_end_is_a_refusal() {
        let check = |before: &str, written: &str, expected: Option<usize>| {
            let written = format!("{before}{written}");
            assert_eq!(start_in(written.as_bytes()), expected, "{written}");
        };
        check("", REFUSAL, Some(0));
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        check(answer, REFUSAL, Some(answer.len()));
        let long = "x".repeat(100_000);
        check(&long, REFUSAL, Some(long.len()));

        check("", "", None);
        check("", &REFUSAL.replace("400", "200"), None);
        check("", &REFUSAL.replace(": 0", ": 10"), None);
        check(REFUSAL, answer, None);
        check(REFUSAL, "\r\n\r\n", None);
    }
}
