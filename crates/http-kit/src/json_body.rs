//! Bodies that are JSON.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{body::read_body, problem::Problem};

/// Reads a body of one of these types, or of none that is said; it is as [`read_body`] reads it, and JSON in which no
/// name is there twice.
///
/// # Errors
/// The answer to give instead: as with [`read_body`], and that it is of another type, or no such JSON.
pub async fn read_json(
    request: &HttpRequest,
    payload: web::Payload,
    bytes_max: usize,
    types: &[&str],
) -> Result<Value, Box<HttpResponse>> {
    let refuse = |status, detail: String| {
        let problem = Problem::new(status, detail, request.path());
        Box::new(problem.response())
    };
    let given = request.headers().get(header::CONTENT_TYPE);
    let given = given.map(|given| given.to_str().unwrap_or_default());
    let essence = given.map(|given| given.split(';').next().unwrap_or_default().trim());
    if essence.is_some_and(|given| !types.iter().any(|known| known.eq_ignore_ascii_case(given))) {
        let detail = format!("Content-Type is another one; allowed: {}", types.join(", "));
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(refuse(status, detail));
    }
    let body = read_body(request, payload, bytes_max).await?;
    let read: Result<Unambiguous, _> = serde_json::from_slice(&body);
    read.map(|read| read.0).map_err(|error| {
        let detail = format!("the body is no JSON document: {error}");
        refuse(StatusCode::BAD_REQUEST, detail)
    })
}

/// JSON in which no name is there twice: of two programs that read such a document, one takes the first, and one the
/// last.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(Unambiguous(value)) = values.next_element()? {
            read.push(value);
        }
        Ok(read.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some((name, Unambiguous(value))) = members.next_entry::<String, _>()? {
            if read.insert(name, value).is_some() {
                return Err(A::Error::custom("a name is there twice"));
            }
        }
        Ok(read.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_it_is_unless_it_is_ambiguous() {
        let text =
            r#"{"a": [1, -1, 0.5, true, null, "b\n"], "c": {"a": {}}, "d": 18446744073709551615}"#;
        let read: Unambiguous = serde_json::from_str(text).expect("it is JSON");
        let plain: Value = serde_json::from_str(text).expect("it is JSON");
        assert_eq!(read.0, plain);
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"b": [{"a": 1, "\u0061": 2}]}"#,
            "{",
            "",
            "[1] 2",
        ] {
            assert!(serde_json::from_str::<Unambiguous>(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(serde_json::from_str::<Unambiguous>(&deep).is_err());
    }
}
