//! Pieces of other people's data, fit for a line of text.

/// How much of a value is shown: enough to recognize it, and no more of a
/// stranger's data.
const CHARACTERS_MAX: usize = 32;

/// What a JSON value is.
pub(crate) fn value(value: &str) -> String {
    match value.as_bytes().first() {
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        _ => text(value),
    }
}

/// The beginning of any bytes, with what is unreadable replaced.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    // A character has four bytes at most.
    let beginning = &bytes[..bytes.len().min(4 * (CHARACTERS_MAX + 1))];
    text(&String::from_utf8_lossy(beginning))
}

/// The beginning of a text.
pub(crate) fn text(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(CHARACTERS_MAX)
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_and_unreadable_pieces_are_made_short_and_readable() {
        for (bytes, expected) in [
            (&b"opendota"[..], "opendota".to_owned()),
            (b"\xff\n", "\u{fffd}\u{fffd}".to_owned()),
            (&[b'x'; 33], "x".repeat(32) + "…"),
            (&[b'x'; 32], "x".repeat(32)),
            ("ü".repeat(1_000).as_bytes(), "ü".repeat(32) + "…"),
        ] {
            assert_eq!(super::bytes(bytes), expected);
        }
    }
}
