//! Publications with a number in each of their documents.

use bytes::Bytes;
use model_application::ports::{Document, Publication, RunId};
use uuid::Uuid;

/// As many as the game has.
pub const HEROES: u16 = 127;
/// The patch of all of them.
pub const PATCH: &str = "7.36";
/// What a hero's document has in a real slice.
const DOCUMENT_BYTES: usize = 12_600;
const SLICE: &str = "patch_7.36:skill_high";

/// A publication of which each document names its number and who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// Higher than that of what was published before.
    pub number: u64,
    /// Two publishers may come to the same number.
    pub by: u64,
}

impl Numbered {
    /// What is published.
    #[must_use]
    pub fn publication(self) -> Publication {
        let kinds = ["counters", "synergy"].into_iter();
        let heroes = kinds.flat_map(|kind| (1..=HEROES).map(move |hero| hero_key(kind, hero)));
        let model = format!("draft_model:{SLICE}");
        let documents = heroes.chain([model]);
        let documents = documents.map(|key| self.document(key, DOCUMENT_BYTES));
        let mut publication = Publication {
            run: RunId(Uuid::from_u64_pair(self.number, self.by)),
            patch: PATCH.to_owned(),
            keys: Vec::new(),
            documents: Vec::new(),
            overview: self.document(format!("meta:patch_{PATCH}"), 0),
            index: self.document("meta:patches".to_owned(), 0),
        };
        publication.add(documents.collect());
        publication
    }

    /// What a document names; `None` if it names nothing.
    #[must_use]
    pub fn of(document: &Bytes) -> Option<Self> {
        let text = std::str::from_utf8(document).ok()?;
        let (_, rest) = text.split_once("\"run\":\"")?;
        let (name, _) = rest.split_once('"')?;
        let (number, by) = name.split_once('-')?;
        Some(Self {
            number: number.parse().ok()?,
            by: by.parse().ok()?,
        })
    }

    fn document(self, key: String, padding_bytes: usize) -> Document {
        let Self { number, by } = self;
        let padding = "x".repeat(padding_bytes);
        let json = format!(r#"{{"v":1,"run":"{number}-{by}","key":"{key}","p":"{padding}"}}"#);
        Document {
            key,
            json: json.into(),
        }
    }
}

/// The keys of a slice's counters, in the order of heroes: those that a reader
/// asks for together.
#[must_use]
pub fn hero_keys() -> Vec<String> {
    (1..=HEROES)
        .map(|hero| hero_key("counters", hero))
        .collect()
}

fn hero_key(kind: &str, hero: u16) -> String {
    format!("{kind}:{SLICE}:hero_{hero}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_names_its_number() {
        let numbered = Numbered { number: 17, by: 4 };
        let publication = numbered.publication();
        assert_eq!(publication.documents.len(), 255);
        let overview = [&publication.overview, &publication.index];
        for document in publication.documents.iter().chain(overview) {
            assert_eq!(
                Numbered::of(&document.json),
                Some(numbered),
                "{}",
                document.key
            );
        }
        let keys = publication.documents.iter().map(|document| &document.key);
        assert!(hero_keys().iter().eq(keys.take(127)));
        assert_eq!(Numbered::of(&Bytes::from_static(b"{}")), None);
    }
}
