//! What the errors of a server mean to whoever asked it something.

use clickhouse::error::Error;

/// Letters of an error that are passed on: a server repeats whole statements.
const DETAIL_BYTES_MAX: usize = 1000;

/// What can be done about an error of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What was sent is not taken, however often it is sent.
    Content,
    /// A table or a column is missing, or is another.
    Schema,
    /// Inserts are to be larger.
    TooManyParts,
    /// It may go by; the word is for metrics.
    Passing(&'static str),
}

impl Fault {
    /// What can be done about this one.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Network(_) => Self::Passing("network"),
            Error::TimedOut => Self::Passing("timeout"),
            Error::SchemaMismatch(_) => Self::Schema,
            Error::BadResponse(text) => code(text).map_or(Self::Passing("answer"), Self::of_code),
            _ => Self::Passing("other"),
        }
    }

    /// Of what nobody knows it is assumed that it goes by: a record that stays
    /// pending is not lost.
    fn of_code(code: u32) -> Self {
        match code {
            // What cannot be parsed or converted, or breaks a constraint.
            6 | 26 | 27 | 38 | 41 | 53 | 69 | 70 | 72 | 117 | 128 | 131 | 190 | 321 | 349 | 469
            | 691 => Self::Content,
            // A table, a column or the database is missing, or has another shape.
            8 | 10 | 16 | 20 | 47 | 60 | 81 | 122 => Self::Schema,
            252 => Self::TooManyParts,
            159 | 160 | 209 => Self::Passing("timeout"),
            202 | 203 => Self::Passing("overload"),
            210 | 32 | 33 => Self::Passing("network"),
            241 => Self::Passing("memory"),
            243 | 74 | 75 => Self::Passing("disk"),
            164 | 242 => Self::Passing("readonly"),
            201 => Self::Passing("quota"),
            192..=195 | 497 | 516 => Self::Passing("access"),
            _ => Self::Passing("other"),
        }
    }
}

/// The number in what a server says: `Code: 60. DB::Exception: …`.
#[must_use]
pub fn code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    rest[..digits.unwrap_or(rest.len())].parse().ok()
}

/// What an error says, for people: with its causes, and not longer than a few lines.
#[must_use]
pub fn detail(error: &Error) -> String {
    let mut detail = error.to_string();
    if let Error::Network(source) = error {
        // Which says no more than that something was not sent.
        let mut source = source.source();
        while let Some(cause) = source {
            detail = format!("{detail}: {cause}");
            source = cause.source();
        }
    }
    detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
    detail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_decides_what_can_be_done() {
        let check = |text: &str, expected| {
            assert_eq!(
                Fault::of(&Error::BadResponse(text.to_owned())),
                expected,
                "{text}"
            );
        };
        check(
            "Code: 60. DB::Exception: Table dota.x does not exist.",
            Fault::Schema,
        );
        check("Code: 16. DB::Exception: No such column", Fault::Schema);
        check(
            "Code: 27. DB::Exception: Cannot parse input",
            Fault::Content,
        );
        check("Code: 469. DB::Exception: Constraint", Fault::Content);
        check(
            "Code: 252. DB::Exception: Too many parts",
            Fault::TooManyParts,
        );
        for code in [159, 202, 209, 210, 241, 242, 164, 201, 243, 999_999] {
            let fault = Fault::of(&Error::BadResponse(format!("Code: {code}. DB::Exception")));
            assert!(matches!(fault, Fault::Passing(_)), "{code}");
        }
        check("<html>502 Bad Gateway</html>", Fault::Passing("answer"));
        check("Code: x", Fault::Passing("answer"));
        assert_eq!(Fault::of(&Error::TimedOut), Fault::Passing("timeout"));
    }
}
