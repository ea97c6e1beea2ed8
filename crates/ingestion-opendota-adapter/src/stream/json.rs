//! Finds one member of a JSON object while checking all of it (RFC 8259).
//!
//! A feed is trusted with nothing: a general parser either refuses deep
//! nesting or recurses until the stack is gone, builds values nobody needs,
//! and takes a repeated key for one. This one pass keeps a bit for each open
//! container and builds nothing. It checks syntax only: whether the bytes are
//! UTF-8 is the caller's question, and what an escape means is of interest in
//! the name of the member alone (`"\ud800"` is well-formed JSON).

use super::nesting::{Container, Nesting};

/// What a text turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Document<'a> {
    /// An object, and what it holds under the name.
    Object(Member<'a>),
    /// Any other value.
    NoObject,
}

/// What an object holds under a name; values are as they were written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Member<'a> {
    Missing,
    Once(&'a [u8]),
    Repeated,
}

/// Where a text stops being JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// The offset of the first byte that does not fit.
    pub(super) at: usize,
    /// What could have stood there.
    pub(super) expected: &'static str,
}

/// Checks that `text` is one JSON value and finds the member `name` if it is an object.
///
/// `name` must not need escapes.
pub(super) fn find_member<'a>(
    text: &'a [u8],
    name: &'static str,
) -> Result<Document<'a>, SyntaxError> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.whitespace();
    let document = if scanner.peek() == Some(b'{') {
        Document::Object(scanner.object(name)?)
    } else {
        scanner.value()?;
        Document::NoObject
    };
    scanner.whitespace();
    if scanner.at < text.len() {
        return Err(scanner.expected("nothing more"));
    }
    Ok(document)
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// An object, from its brace on.
    fn object(&mut self, name: &str) -> Result<Member<'a>, SyntaxError> {
        let mut member = Member::Missing;
        self.at += 1;
        self.whitespace();
        if self.take(b'}') {
            return Ok(member);
        }
        loop {
            let key = self.key()?;
            let value = self.value()?;
            if is_name(key, name) {
                member = match member {
                    Member::Missing => Member::Once(value),
                    Member::Once(_) | Member::Repeated => Member::Repeated,
                };
            }
            self.whitespace();
            if self.take(b'}') {
                return Ok(member);
            }
            self.comma("',' or '}'")?;
        }
    }

    /// Any value, however deep.
    fn value(&mut self) -> Result<&'a [u8], SyntaxError> {
        let start = self.at;
        let mut open = Nesting::default();
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    self.whitespace();
                    if !self.take(b'}') {
                        open.push(Container::Object);
                        self.key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    self.whitespace();
                    if !self.take(b']') {
                        open.push(Container::Array);
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            if self.close_containers(&mut open)? {
                return Ok(&self.text[start..self.at]);
            }
        }
    }

    /// After a value: closes every container that ends here, up to the next
    /// value; whether none is left open.
    fn close_containers(&mut self, open: &mut Nesting) -> Result<bool, SyntaxError> {
        while let Some(container) = open.innermost() {
            self.whitespace();
            match container {
                Container::Object if self.take(b'}') => open.pop(),
                Container::Array if self.take(b']') => open.pop(),
                Container::Object => {
                    self.comma("',' or '}'")?;
                    self.key()?;
                    return Ok(false);
                }
                Container::Array => {
                    self.comma("',' or ']'")?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// A key with its colon, up to the value; the key is as it was written.
    fn key(&mut self) -> Result<&'a [u8], SyntaxError> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key"));
        }
        let key = self.string()?;
        self.whitespace();
        if !self.take(b':') {
            return Err(self.expected("':'"));
        }
        self.whitespace();
        Ok(key)
    }

    fn scalar(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(self.expected("a value")),
        }
    }

    /// A string, from its quote on; what is between the quotes, as written.
    fn string(&mut self) -> Result<&'a [u8], SyntaxError> {
        self.at += 1;
        let start = self.at;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            self.at += plain.unwrap_or(rest.len());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&self.text[start..self.at - 1]);
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.expected("no control character within a string")),
                None => return Err(self.expected("'\"'")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.expected("four hexadecimal digits"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.expected("an escape")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), SyntaxError> {
        let rest = &self.text[self.at..];
        let length = rest
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(rest.len());
        if length == 0 {
            return Err(self.expected("a digit"));
        }
        self.at += length;
        Ok(())
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), SyntaxError> {
        if !self.text[self.at..].starts_with(literal) {
            return Err(self.expected("a value"));
        }
        self.at += literal.len();
        Ok(())
    }

    fn comma(&mut self, expected: &'static str) -> Result<(), SyntaxError> {
        if !self.take(b',') {
            return Err(self.expected(expected));
        }
        self.whitespace();
        Ok(())
    }

    fn whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> SyntaxError {
        SyntaxError {
            at: self.at,
            expected,
        }
    }
}

/// Whether a key, as written, means `name`.
fn is_name(key: &[u8], name: &str) -> bool {
    let mut rest = key;
    for byte in name.bytes() {
        rest = match rest {
            [first, rest @ ..] if *first == byte => rest,
            // No other escape stands for a character that needs none.
            [b'\\', b'u', b'0', b'0', high, low, rest @ ..]
                if hexadecimal(*high) << 4 | hexadecimal(*low) == byte =>
            {
                rest
            }
            _ => return false,
        };
    }
    rest.is_empty()
}

/// The value of a digit; keys have been checked, so there is nothing else.
fn hexadecimal(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn is_json(text: &str) -> bool {
        find_member(text.as_bytes(), "match_id").is_ok()
    }

    /// `serde_json` skips values without recursion, so it judges any depth.
    fn is_json_to_serde(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    /// JSON of every kind, sometimes with a mistake.
    fn almost_json() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?",
            "[-+]?[0-9.eE]{1,5}",
            "\"([ -~\u{e9}\u{1f600}]|\\\\[\"\\\\/bfnrtux]|\\\\u[0-9a-fA-F]{4}){0,6}\"",
            Just("true".to_owned()),
            Just("false".to_owned()),
            Just("null".to_owned()),
            "[ -~\t\n]{0,3}",
        ];
        scalar.prop_recursive(6, 64, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" ,\n"))),
                prop::collection::vec(("[a-z\\\\]{0,3}", inner), 0..4).prop_map(|members| {
                    let members = members
                        .iter()
                        .map(|(key, value)| format!("\"{key}\" :\t{value}"));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_text_is_json_exactly_when_serde_says_so(text in almost_json()) {
            prop_assert_eq!(is_json(&text), is_json_to_serde(&text));
        }

        #[test]
        fn one_wrong_byte_is_seen_as_serde_sees_it(
            text in almost_json(), at in any::<prop::sample::Index>(), byte in "[ -~]",
        ) {
            let mut characters: Vec<_> = text.chars().collect();
            if !characters.is_empty() {
                characters[at.index(text.chars().count())] = byte.chars().next().unwrap_or(' ');
            }
            let text = String::from_iter(characters);
            prop_assert_eq!(is_json(&text), is_json_to_serde(&text));
        }

        #[test]
        fn every_beginning_is_seen_as_serde_sees_it(text in almost_json(), at in any::<prop::sample::Index>()) {
            let characters = text.chars().count();
            let text: String = text.chars().take(at.index(characters + 1)).collect();
            prop_assert_eq!(is_json(&text), is_json_to_serde(&text));
        }
    }
}
