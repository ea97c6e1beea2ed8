//! What a query asks for, and what is said when it cannot be meant.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use crate::problem::Problem;

/// So much of a wrong value is repeated in the answer.
const SHOWN_BYTES_MAX: usize = 64;

/// The parameters of a query, each there once and known.
pub struct Parameters {
    path: String,
    given: BTreeMap<String, String>,
}

impl Parameters {
    /// The parameters of `request`, of which `known` are possible. One that is
    /// misspelt is refused: to leave it out would answer another question.
    ///
    /// # Errors
    /// The answer to give instead: what cannot be meant, and what is allowed.
    pub fn of(request: &HttpRequest, known: &[&str]) -> Result<Self, Box<HttpResponse>> {
        let mut parameters = Self {
            path: request.path().to_owned(),
            given: BTreeMap::new(),
        };
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let pairs = pairs
            .map_err(|error| parameters.refuse(format!("the query cannot be read: {error}")))?;
        for (name, value) in pairs.into_inner() {
            if !known.contains(&name.as_str()) {
                let detail = format!(
                    "there is no parameter {:?} here; known are {}",
                    shown(&name),
                    known.join(", ")
                );
                return Err(parameters.refuse(detail).into());
            }
            if parameters.given.insert(name.clone(), value).is_some() {
                return Err(parameters.refuse(format!("{name} is given twice")).into());
            }
        }
        Ok(parameters)
    }

    /// The value of a parameter as `parse` reads it; none if it is not given.
    ///
    /// # Errors
    /// The answer to give instead: `parse` finds nothing in it, and `allowed`
    /// says in words what it would find something in.
    pub fn optional<T>(
        &self,
        name: &str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Box<HttpResponse>> {
        let Some(value) = self.given.get(name) else {
            return Ok(None);
        };
        let found = parse(value).ok_or_else(|| self.refuse(refusal(name, value, allowed)))?;
        Ok(Some(found))
    }

    /// The same of a parameter that must be there.
    ///
    /// # Errors
    /// As with [`optional`](Self::optional), and when it is not given.
    pub fn required<T>(
        &self,
        name: &str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Box<HttpResponse>> {
        let found = self.optional(name, allowed, parse)?;
        found.ok_or_else(|| {
            self.refuse(format!("{name} is missing; allowed: {allowed}"))
                .into()
        })
    }

    /// The answer that several parameters together cannot be meant.
    #[must_use]
    pub fn refuse(&self, detail: impl Into<String>) -> HttpResponse {
        refuse(&self.path, detail)
    }
}

/// A part of the request's path as `parse` reads it.
///
/// # Errors
/// The answer to give instead: `parse` finds nothing in it, and `allowed` says
/// in words what it would find something in.
///
/// # Panics
/// When the route has no part called `name`.
pub fn path_parameter<T>(
    request: &HttpRequest,
    name: &str,
    allowed: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Box<HttpResponse>> {
    let value = request.match_info().get(name);
    let value = value.expect("the route has this part");
    parse(value).ok_or_else(|| refuse(request.path(), refusal(name, value, allowed)).into())
}

fn refusal(name: &str, value: &str, allowed: &str) -> String {
    format!("{name} is {:?}; allowed: {allowed}", shown(value))
}

fn refuse(path: &str, detail: impl Into<String>) -> HttpResponse {
    Problem::new(StatusCode::BAD_REQUEST, detail, path).response()
}

fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]
}
