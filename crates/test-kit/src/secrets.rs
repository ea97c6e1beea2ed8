//! Planted secrets, and that they show nowhere.

use anyhow::Result;
use serde_json::Value;

/// Every planted secret begins with this.
pub const MARK: &str = "zQz";
/// The same in base64, as headers have it.
pub const MARK_IN_BASE64: &str = "elF6";

/// Asserts that a text shows no planted secret; `place` says where it is from.
///
/// # Panics
/// When it does.
#[track_caller]
pub fn assert_no_secret(place: &str, text: &str) {
    for line in text.lines() {
        assert!(
            !line.contains(MARK) && !line.contains(MARK_IN_BASE64),
            "{place} shows a secret: {line}"
        );
    }
}

/// Asserts that a service has said none: each line of its log, which is one
/// JSON object, and of its standard error.
///
/// # Errors
/// A line of the log is no JSON.
///
/// # Panics
/// When it has.
#[track_caller]
pub fn assert_no_secret_was_said(log: &[String], errors: &[String]) -> Result<()> {
    for line in log {
        assert!(serde_json::from_str::<Value>(line)?.is_object(), "{line}");
        assert_no_secret("standard output", line);
    }
    assert_no_secret("standard error", &errors.join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_the_mark_shows_none() {
        assert_no_secret("a text", "nothing\nhere");
        let log = [r#"{"message":"nothing"}"#.to_owned()];
        assert_no_secret_was_said(&log, &[]).expect("it is JSON");
    }

    #[test]
    #[should_panic(expected = "a text shows a secret: and zQz-there")]
    fn a_secret_is_seen() {
        assert_no_secret("a text", "nothing here\nand zQz-there");
    }

    #[test]
    #[should_panic(expected = "shows a secret")]
    fn a_secret_in_base64_is_seen() {
        assert_no_secret("a text", "Basic elF6LXVzZXI6");
    }
}
