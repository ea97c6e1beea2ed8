//! Which state of something a request was made from, by the tags of states (RFC 9110, 8.8.3 and 13.1).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, ETag, EntityTag, Header as _, IfMatch, IfNoneMatch},
    },
};

use crate::problem::Problem;

/// The tags that `If-Match` names. A weak one is left out: it says only that something looks the same.
///
/// # Errors
/// The answer to give instead: 428 if it names none, which `*` does neither, and 400 if it cannot be read.
pub fn expected_tags(request: &HttpRequest) -> Result<Vec<String>, Box<HttpResponse>> {
    let refuse = |status, detail: &str| {
        let problem = Problem::new(status, detail, request.path());
        Err(Box::new(problem.response()))
    };
    let needed = "this needs the header If-Match with the ETag of what was read before, \
                  so that nobody's change is lost";
    if !request.headers().contains_key(header::IF_MATCH) {
        return refuse(StatusCode::PRECONDITION_REQUIRED, needed);
    }
    match IfMatch::parse(request) {
        Ok(IfMatch::Items(tags)) if !tags.is_empty() => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            Ok(strong.map(|tag| tag.tag().to_owned()).collect())
        }
        Ok(IfMatch::Any) => refuse(StatusCode::PRECONDITION_REQUIRED, needed),
        _ => {
            let detail =
                "If-Match cannot be read; allowed: ETags as they were given, such as \"7\"";
            refuse(StatusCode::BAD_REQUEST, detail)
        }
    }
}

/// Whether whoever asks has what has this tag, by `If-None-Match`.
#[must_use]
pub fn is_known(request: &HttpRequest, tag: &str) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => request.headers().contains_key(header::IF_NONE_MATCH),
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.tag() == tag),
        Err(_) => false,
    }
}

/// The answer, which shows something in the state that has this tag. Whoever asked may keep it for itself, and asks
/// again before it is used.
///
/// # Panics
/// The tag has other characters than visible ASCII, or quotes.
#[must_use]
pub fn tagged(mut answer: HttpResponse, tag: impl Into<String>) -> HttpResponse {
    let tag = ETag(EntityTag::new_strong(tag.into()));
    let headers = answer.headers_mut();
    let tag = header::TryIntoHeaderValue::try_into_value(tag).expect("the tag is visible ASCII");
    headers.insert(header::ETAG, tag);
    let private = header::HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, private);
    answer
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_change_names_what_it_was_made_from() {
        let check = |value: Option<&str>, expected: Result<&[&str], u16>| {
            let mut request = TestRequest::default();
            if let Some(value) = value {
                request = request.insert_header(("If-Match", value));
            }
            let found = expected_tags(&request.to_http_request());
            let found = found.map_err(|answer| answer.status().as_u16());
            let expected = expected.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect());
            assert_eq!(found, expected, "{value:?}");
        };
        check(Some("\"7\""), Ok(&["7"]));
        check(Some("\"7\", \"8\""), Ok(&["7", "8"]));
        check(Some("W/\"7\", \"8\""), Ok(&["8"]));
        check(Some("W/\"7\""), Ok(&[]));
        check(None, Err(428));
        check(Some("*"), Err(428));
        check(Some(""), Err(400));
        check(Some("7"), Err(400));
        check(Some("\"7"), Err(400));
    }

    #[test]
    fn whoever_has_it_is_known() {
        let check = |value: Option<&str>, expected| {
            let mut request = TestRequest::default();
            if let Some(value) = value {
                request = request.insert_header(("If-None-Match", value));
            }
            let found = is_known(&request.to_http_request(), "7");
            assert_eq!(found, expected, "{value:?}");
        };
        check(Some("\"7\""), true);
        check(Some("\"6\", W/\"7\""), true);
        check(Some("*"), true);
        check(None, false);
        check(Some("\"6\""), false);
        check(Some("7"), false);
        check(Some(""), false);
    }
}
