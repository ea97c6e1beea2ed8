//! What a browser keeps while it signs somebody in.
//!
//! One secret, which its attempts are bound to: several tabs may sign in side by side. Its name lets browsers take it
//! from this host alone, over TLS and for every path (RFC 6265bis, 4.1.3.2); over plain HTTP from a loopback address
//! Chromium and Firefox take it, too.

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderValue},
};
use identity::BrowserSecret;
use secrecy::ExposeSecret as _;

const NAME: &str = "__Host-attempt";

/// What the browser brings, if it is one of ours, and the only one.
pub(crate) fn read(request: &HttpRequest) -> Option<BrowserSecret> {
    let lines = request.headers().get_all(header::COOKIE);
    let lines = lines.filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name.trim() == NAME).then_some(value.trim())
    });
    match (values.next(), values.next()) {
        (Some(value), None) => BrowserSecret::try_read(value).ok(),
        _ => None,
    }
}

/// Has the browser keep this, until it is closed.
pub(crate) fn kept(secret: &BrowserSecret) -> HeaderValue {
    let written = secret.written();
    let cookie = format!(
        "{NAME}={}; Path=/; Secure; HttpOnly; SameSite=Lax",
        written.expose_secret()
    );
    let mut value = HeaderValue::try_from(cookie).expect("a secret is written in visible ASCII");
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_one_cookie_of_ours_is_read() {
        let secret = BrowserSecret::new([7; 32]);
        let written = secret.written();
        let written = written.expose_secret();
        let check = |lines: &[String], is_read: bool| {
            let request = lines.iter().fold(TestRequest::default(), |request, line| {
                request.append_header((header::COOKIE, line.as_str()))
            });
            let read = read(&request.to_http_request());
            let is_ours = read.is_some_and(|read| read.digest() == secret.digest());
            assert_eq!(is_ours, is_read, "{lines:?}");
        };
        let ours = format!("{NAME}={written}");
        check(&[], false);
        check(std::slice::from_ref(&ours), true);
        check(&[format!("a=b; {ours};c")], true);
        check(&["a=b".to_owned(), ours.clone()], true);
        check(&[format!("{ours}; {ours}")], false);
        check(&[ours.clone(), ours.clone()], false);
        check(&[format!("attempt={written}")], false);
        check(&[format!("__host-attempt={written}")], false);
        check(&[format!("{NAME}=\"{written}\"")], false);
        check(&[format!("{NAME}={}", &written[1..])], false);
        check(&[format!("{NAME}=")], false);
    }

    #[test]
    fn no_script_and_no_other_site_gets_the_cookie() {
        let value = kept(&BrowserSecret::new([7; 32]));
        let text = value.to_str().expect("it is ASCII");
        assert_eq!(
            text.split_once("; ").map(|(_, rules)| rules),
            Some("Path=/; Secure; HttpOnly; SameSite=Lax")
        );
        assert!(text.starts_with("__Host-attempt=BwcH"), "{text}");
        assert!(!format!("{value:?}").contains("BwcH"));
    }
}
