//! Bytes of others, fit for a terminal and for JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// How much of a payload a table shows: enough to recognize it.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// The beginning of `payload`, fit for a line of text.
#[must_use]
pub fn beginning(payload: &[u8]) -> String {
    // Whatever the cut leaves of a character is replaced.
    let head = &payload[..payload.len().min(4 * SHOWN_CHARACTERS_MAX)];
    let text = printable(head);
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if shown.len() < text.len() || head.len() < payload.len() {
        shown.push('…');
    }
    shown
}

/// Text in which nothing moves the cursor, or passes for another line.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_safe = |c: &char| {
        !c.is_control() && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| {
            if is_safe(&c) {
                c
            } else {
                char::REPLACEMENT_CHARACTER
            }
        })
        .collect()
}

/// A name and a text that hold all of `bytes`: as they are, or, when they are
/// no text, in Base64, which the end of the name then says.
#[must_use]
pub fn text_or_base64(name: &str, bytes: &[u8]) -> (String, String) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (name.to_owned(), text.to_owned()),
        Err(_) => (format!("{name}_base64"), STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_payload_is_cut_within_no_character() {
        let shown = beginning("ü".repeat(1000).as_bytes());
        assert_eq!(shown, format!("{}…", "ü".repeat(SHOWN_CHARACTERS_MAX)));
        assert_eq!(beginning(&[b'x'; 60]), "x".repeat(60));
        assert_eq!(beginning(&[b'x'; 61]), format!("{}…", "x".repeat(60)));
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(
            printable(b"PING\x1b[2J\r\n"),
            "PING\u{fffd}[2J\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_whole_all_the_same() {
        let field = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(text_or_base64("key", "ü".as_bytes()), field("key", "ü"));
        assert_eq!(
            text_or_base64("key", b"\xff\n"),
            field("key_base64", "/wo=")
        );
    }
}
