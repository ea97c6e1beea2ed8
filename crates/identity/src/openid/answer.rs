//! What the provider says when it is asked whether it has said something.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::openid::NAMESPACE;

/// Some fifty times what the provider answers.
pub const ANSWER_BYTES_MAX: usize = 4_096;

/// Why an answer is no yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnswerFault {
    /// The provider cannot answer now: it is busy, or out of order. It may be asked once more.
    #[error("it cannot answer now (status {0})")]
    Unavailable(u16),
    /// It answers with a status that no answer has.
    #[error("status {0}, which is no answer")]
    Status(u16),
    /// It answers more than an answer is.
    #[error("an answer of more than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// It answers something else than keys with values.
    #[error("an answer that is not in key-value form")]
    Form,
    /// A key is there twice.
    #[error("an answer with a key that is there more than once")]
    RepeatedKey,
    /// It answers in another protocol.
    #[error("an answer that is not of OpenID 2.0")]
    Namespace,
    /// It did not say that.
    #[error("the answer is no")]
    No,
}

impl AnswerFault {
    /// Whether asking once more may help.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The word for it in metrics and in the audit log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unavailable(_) => "steam_unavailable",
            Self::Status(_) => "steam_status",
            Self::TooLong => "steam_too_long",
            Self::Form | Self::RepeatedKey => "steam_form",
            Self::Namespace => "steam_namespace",
            Self::No => "steam_no",
        }
    }
}

/// Whether the provider says yes. Redirects are not to be followed; of a longer answer, one byte more than
/// [`ANSWER_BYTES_MAX`] is enough.
///
/// # Errors
/// Why it is no yes.
pub fn judge_answer(status: u16, body: &[u8]) -> Result<(), AnswerFault> {
    match status {
        200 => {}
        403 | 429 | 500..=599 => return Err(AnswerFault::Unavailable(status)),
        _ => return Err(AnswerFault::Status(status)),
    }
    if body.len() > ANSWER_BYTES_MAX {
        return Err(AnswerFault::TooLong);
    }
    let text = std::str::from_utf8(body).map_err(|_| AnswerFault::Form)?;
    // OpenID 2.0, 4.1.1: every line ends; the last one is forgiven if it does not.
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    let mut keys = BTreeSet::new();
    let (mut is_namespace, mut is_valid) = (false, false);
    for line in lines {
        let is_clean = !line.contains(char::is_control);
        let (key, value) = line
            .split_once(':')
            .filter(|_| is_clean)
            .ok_or(AnswerFault::Form)?;
        if !keys.insert(key) {
            return Err(AnswerFault::RepeatedKey);
        }
        match key {
            "ns" => is_namespace = value == NAMESPACE,
            "is_valid" => is_valid = value == "true",
            _ => {}
        }
    }
    if !is_namespace {
        return Err(AnswerFault::Namespace);
    }
    is_valid.then_some(()).ok_or(AnswerFault::No)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        use AnswerFault::{Form, Namespace, No, RepeatedKey, TooLong};
        let ns = "ns:http://specs.openid.net/auth/2.0\n";
        let yes = format!("{ns}is_valid:true\n");
        let check = |status, body: &str, expected| {
            assert_eq!(
                judge_answer(status, body.as_bytes()),
                expected,
                "{status} {body:?}"
            );
        };
        check(200, &yes, Ok(()));
        check(200, yes.trim_end(), Ok(()));
        check(200, &format!("is_valid:true\n{ns}"), Ok(()));
        check(200, &format!("{yes}invalidate_handle:1\n"), Ok(()));

        check(200, &format!("{ns}is_valid:false\n"), Err(No));
        check(200, ns, Err(No));
        for no in [
            "xis_valid:true",
            "is_valid: true",
            "is_valid:True",
            "is_valid:true ",
            "is_valid:1",
            "IS_VALID:true",
            "is_valid :true",
            "error:is_valid:true",
        ] {
            check(200, &format!("{ns}{no}\n"), Err(No));
        }
        check(
            200,
            &format!("{ns}is_valid:false\nis_valid:true\n"),
            Err(RepeatedKey),
        );
        check(200, &format!("{yes}is_valid:true\n"), Err(RepeatedKey));
        check(200, &format!("{ns}{yes}"), Err(RepeatedKey));
        check(200, "is_valid:true\n", Err(Namespace));
        check(
            200,
            "ns:http://openid.net/signon/1.1\nis_valid:true\n",
            Err(Namespace),
        );
        check(
            200,
            "ns:http://specs.openid.net/auth/2.0/\nis_valid:true\n",
            Err(Namespace),
        );
        for html in [
            "<html>is_valid:true</html>",
            "<html>\nis_valid:true\n</html>\n",
        ] {
            assert!(
                judge_answer(200, format!("{ns}{html}").as_bytes()).is_err(),
                "{html}"
            );
        }
        check(200, &format!("<html>\n{yes}"), Err(Form));
        check(200, &yes.replace('\n', "\r\n"), Err(Form));
        check(200, &format!("{yes}\n"), Err(Form));
        check(200, &format!("{ns}\0is_valid:true"), Err(Form));
        check(200, "", Err(Form));
        assert_eq!(
            judge_answer(200, &[yes.as_bytes(), &[0xff]].concat()),
            Err(Form)
        );
        let padding = format!("{yes}x:{}", "x".repeat(ANSWER_BYTES_MAX));
        check(200, &padding[..ANSWER_BYTES_MAX], Ok(()));
        check(200, &padding[..=ANSWER_BYTES_MAX], Err(TooLong));
    }

    #[test]
    fn another_status_is_no_answer_and_some_of_them_pass() {
        use AnswerFault::{No, Status, Unavailable};
        let yes = b"ns:http://specs.openid.net/auth/2.0\nis_valid:true\n";
        let check = |status, expected| assert_eq!(judge_answer(status, yes), expected, "{status}");
        for status in [403, 429, 500, 502, 503, 599] {
            check(status, Err(Unavailable(status)));
        }
        for status in [100, 201, 204, 206, 301, 302, 307, 400, 404, 418, 600] {
            check(status, Err(Status(status)));
        }
        assert!(Unavailable(429).is_passing() && !No.is_passing() && !Status(302).is_passing());
    }
}
