//! What a request asks for, by its URL and its body.

use bytes::Bytes;
use clickhouse_test_kit::protocol::{
    Exception,
    codes::{BAD_ARGUMENTS, NOT_IMPLEMENTED, UNKNOWN_SETTING},
};
use futures_util::stream;

/// A query with everything that goes with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) query: String,
    pub(crate) database: Option<String>,
    /// That of the answer, unless the query names one.
    pub(crate) default_format: Option<String>,
    /// Whether the body is in compressed blocks.
    pub(crate) is_compressed: bool,
    /// Values for `{name:Type}` in the query.
    pub(crate) parameters: Vec<(String, String)>,
    /// For this request alone.
    pub(crate) settings: Vec<(String, String)>,
}

impl Request {
    /// Reads the part of a URL behind the question mark.
    pub(crate) fn of_url(url_query: &str) -> Result<Self, Exception> {
        let mut request = Self::default();
        for (name, value) in url::form_urlencoded::parse(url_query.as_bytes()) {
            request.take(&name, value.into_owned())?;
        }
        Ok(request)
    }

    /// Adds what a form in the body says: the query, or its parameters.
    pub(crate) async fn take_form(
        &mut self,
        boundary: String,
        body: Vec<u8>,
    ) -> Result<(), Exception> {
        let refuse = |error: multer::Error| Exception::of(BAD_ARGUMENTS, error.to_string());
        let body = stream::iter([Ok::<_, multer::Error>(Bytes::from(body))]);
        let mut form = multer::Multipart::new(body, boundary);
        while let Some(field) = form.next_field().await.map_err(refuse)? {
            let name = field.name().unwrap_or_default().to_owned();
            if field.file_name().is_some() {
                let problem = format!("{name} is an external table, which this front has not");
                return Err(Exception::of(NOT_IMPLEMENTED, problem));
            }
            self.take(&name, field.text().await.map_err(refuse)?)?;
        }
        Ok(())
    }

    /// An insert whose rows are in the body: the query without its FORMAT, and the format.
    pub(crate) fn insert(&self) -> Option<(&str, &str)> {
        let query = self.query.trim();
        let begins = query.get(..6)?.eq_ignore_ascii_case("insert");
        let (head, format) = query.rsplit_once(char::is_whitespace)?;
        let head = head.trim_end();
        let word_at = head.len().checked_sub(6)?;
        let is_word = head.get(word_at..)?.eq_ignore_ascii_case("format");
        let statement = &head[..head.len().min(word_at)];
        let stands_alone = statement.ends_with(|c: char| c.is_whitespace() || c == ')');
        (begins && is_word && stands_alone).then(|| (statement.trim_end(), format))
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), Exception> {
        if let Some(name) = name.strip_prefix("param_") {
            self.parameters.push((name.to_owned(), value));
            return Ok(());
        }
        match name {
            "query" => self.query = value,
            "database" => self.database = Some(value),
            "default_format" => self.default_format = Some(value),
            "decompress" => self.is_compressed = value == "1",
            // There is one user, who may do everything, and no list of queries.
            "user" | "password" | "query_id" => {}
            "compress" if value == "0" => {}
            "compress" | "session_id" | "role" | "quota_key" => {
                let problem = format!("this front has no {name}");
                return Err(Exception::of(NOT_IMPLEMENTED, problem));
            }
            _ if is_name(name) => self.settings.push((name.to_owned(), value)),
            _ => {
                let problem = format!("Unknown setting '{name}'");
                return Err(Exception::of(UNKNOWN_SETTING, problem));
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    !name.is_empty() && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A text as ClickHouse takes it between two of `quote`.
pub(crate) fn quoted(text: &str, quote: char) -> String {
    let mut quoted = String::from(quote);
    for c in text.chars() {
        if c == quote || c == '\\' {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_what_goes_with_the_query() {
        let url = "query=SELECT+1%2B%7Bx%3AUInt8%7D&database=d&default_format=RowBinary\
                   &decompress=1&param_x=2&max_threads=1&user=u&password=p&query_id=i&compress=0";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = Request {
            query: "SELECT 1+{x:UInt8}".to_owned(),
            database: Some("d".to_owned()),
            default_format: Some("RowBinary".to_owned()),
            is_compressed: true,
            parameters: vec![pair("x", "2")],
            settings: vec![pair("max_threads", "1")],
        };
        assert_eq!(Request::of_url(url), Ok(expected));
    }

    #[test]
    fn what_the_front_cannot_do_is_refused() {
        let check = |url: &str, code| {
            let error = Request::of_url(url).expect_err("it is refused");
            assert_eq!(error.code, code, "{url}");
        };
        check("session_id=s", NOT_IMPLEMENTED);
        check("compress=1", NOT_IMPLEMENTED);
        check("role=r", NOT_IMPLEMENTED);
        check("a'b=1", UNKNOWN_SETTING);
        check("=1", UNKNOWN_SETTING);
    }

    #[test]
    fn an_insert_with_rows_in_the_body_ends_with_its_format() {
        let check = |query: &str, expected| {
            let request = Request {
                query: query.to_owned(),
                ..Request::default()
            };
            assert_eq!(request.insert(), expected, "{query}");
        };
        check(
            "INSERT INTO t(`a`) FORMAT RowBinary",
            Some(("INSERT INTO t(`a`)", "RowBinary")),
        );
        check(
            "\ninsert into t(a)format\nNative ",
            Some(("insert into t(a)", "Native")),
        );
        check(
            "INSERT INTO t SETTINGS async_insert = 0 FORMAT CSV",
            Some(("INSERT INTO t SETTINGS async_insert = 0", "CSV")),
        );
        check("INSERT INTO t SELECT 1", None);
        check("INSERT INTO t VALUES (1)", None);
        check("INSERT INTO t_format CSV", None);
        check("SELECT 1 FORMAT CSV", None);
        check("", None);
        check("FORMAT x", None);
    }

    #[test]
    fn quotes_within_a_text_are_escaped() {
        assert_eq!(quoted(r"a'b`c\", '\''), r"'a\'b`c\\'");
        assert_eq!(quoted(r"a'b`c\", '`'), r"`a'b\`c\\`");
    }

    #[tokio::test]
    async fn a_form_carries_query_and_parameters() {
        let form = "--b\r\ncontent-disposition: form-data; name=\"query\"\r\n\r\nSELECT {x:String}\r\n\
                    --b\r\ncontent-disposition: form-data; name=\"param_x\"\r\n\r\nü\r\n\r\n--b--\r\n";
        let mut request = Request::default();
        let taken = request.take_form("b".to_owned(), form.into()).await;
        assert_eq!(taken, Ok(()));
        assert_eq!(request.query, "SELECT {x:String}");
        assert_eq!(request.parameters, [("x".to_owned(), "ü\r\n".to_owned())]);
    }
}
