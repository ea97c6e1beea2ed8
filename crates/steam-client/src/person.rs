//! What people are called.

use bytes::Bytes;
use client_kit::wire::Object;
use domain::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer::Failure;

/// How somebody is shown, in the words of that person: nobody has judged them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SteamPerson {
    /// What the person is called.
    pub name: Option<String>,
    /// Where a large picture is.
    pub picture: Option<String>,
}

#[derive(Deserialize)]
struct WirePersons<'a> {
    #[serde(borrow)]
    response: Object<WireList<'a>>,
}

#[derive(Deserialize)]
struct WireList<'a> {
    /// Each as it is written: one that is odd does not spoil the others.
    #[serde(borrow)]
    players: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct WirePerson {
    steamid: String,
    personaname: Option<String>,
    avatarfull: Option<String>,
}

/// Persons by their ids, as these are written.
pub(crate) fn decode(body: &Bytes, _: Timestamp) -> Result<Vec<(String, SteamPerson)>, Failure> {
    let odd = |error: serde_json::Error| {
        // Where it is, and nothing of what is there.
        let (line, column) = (error.line(), error.column());
        Failure::Unavailable(format!(
            "an answer that is none about persons, at line {line}, column {column}"
        ))
    };
    let answer: Object<WirePersons<'_>> = serde_json::from_slice(body).map_err(odd)?;
    let persons = answer.0.response.0.players.into_iter().filter_map(|text| {
        let person: Object<WirePerson> = serde_json::from_str(text.get()).ok()?;
        let WirePerson {
            steamid,
            personaname: name,
            avatarfull: picture,
        } = person.0;
        Some((steamid, SteamPerson { name, picture }))
    });
    Ok(persons.collect())
}
