//! How records look to people.

use std::fmt::Write as _;

use contracts::Header;

/// A record as text, one part a line.
pub(crate) fn wire(key: Option<&[u8]>, value: &[u8], headers: &[Header<'_>]) -> String {
    let mut text = match key {
        Some(key) => format!("key: {}\n", key.escape_ascii()),
        None => "no key\n".to_owned(),
    };
    writeln!(text, "value: {}", value.escape_ascii()).expect("a string takes everything");
    for header in headers {
        let value = header.value.escape_ascii();
        writeln!(text, "{}: {value}", header.name).expect("a string takes everything");
    }
    text
}
