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

/// The beginning of a text.
fn text(text: &str) -> String {
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
