//! `application/x-www-form-urlencoded`, read strictly: what another reader could take for something else is
//! no form. Written, it has one spelling.

use std::fmt::Write as _;

/// The fields of a form in their order, decoded; `None` if it is none.
pub(crate) fn read(text: &str) -> Option<Vec<(String, String)>> {
    let field = |part: &str| {
        let (key, value) = part.split_once('=')?;
        Some((decode(key)?, decode(value)?))
    };
    text.split('&').map(field).collect()
}

/// Writes fields; empty for none.
pub(crate) fn write<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (key, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        encode(&mut text, key);
        text.push('=');
        encode(&mut text, value);
    }
    text
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            b'+' => b' ',
            // In a form these are always escaped.
            0x80.. => return None,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

fn encode(text: &mut String, part: &str) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte.into());
        } else {
            write!(text, "%{byte:02X}").expect("a string takes everything");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_has_one_meaning_or_none() {
        let check = |text, expected: Option<&[(&str, &str)]>| {
            let read = read(text);
            let read = read.as_ref().map(|fields| {
                let fields = fields.iter();
                fields
                    .map(|(key, value)| (&**key, &**value))
                    .collect::<Vec<_>>()
            });
            assert_eq!(read.as_deref(), expected, "{text}");
        };
        check("a=1&b=", Some(&[("a", "1"), ("b", "")]));
        check("a=1&a=2", Some(&[("a", "1"), ("a", "2")]));
        check("a%2eb=x+y%2B%C3%A4", Some(&[("a.b", "x y+ä")]));
        check("a=b=c", Some(&[("a", "b=c")]));
        check("a=%00", Some(&[("a", "\0")]));
        for none in [
            "", "a", "&a=1", "a=1&", "a=1&&b=2", "a=%", "a=%2", "a=%zz", "a=%C3", "a=%+1", "a=ä",
        ] {
            check(none, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(fields in prop::collection::vec((".*", ".*"), 1..5)) {
            let written = write(fields.iter().map(|(key, value)| (&**key, &**value)));
            prop_assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(read(&written), Some(fields));
        }
    }
}
