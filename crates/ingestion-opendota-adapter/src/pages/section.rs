//! Which lists are read, as a part of the section `[opendota]`.

use opendota_client::PageList;
use service_kit::config::{Declaration, Parsed, Section, Setting, SettingsReader};

/// The setting that says which lists are read.
pub struct PagesSection {
    lists: Setting<Parsed<Vec<PageList>>>,
}

impl PagesSection {
    /// The list that says most of most matches.
    pub const DEFAULT: Self = Self {
        lists: Setting {
            variable: "OPENDOTA_PAGES",
            default: "public",
            help: "The lists that opendota-pages reads: public matches, those of leagues, and those \
                   whose replay was read",
            parser: Parsed {
                allowed: "one or more of public, pro, parsed, separated by commas",
                parse: lists,
            },
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> Vec<PageList> {
        reader.get(&self.lists)
    }
}

impl Section for PagesSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.lists]
    }
}

fn lists(text: &str) -> Result<Vec<PageList>, String> {
    let mut lists = Vec::new();
    for name in text.split(',').map(str::trim) {
        let mut all = PageList::ALL.into_iter();
        let list = all.find(|list| list.as_str() == name);
        let list = list.ok_or("holds what is the name of no list")?;
        if lists.contains(&list) {
            return Err("names a list twice".to_owned());
        }
        lists.push(list);
    }
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_named_once_each() {
        assert_eq!(lists("public"), Ok(vec![PageList::Public]));
        assert_eq!(
            lists("parsed, pro"),
            Ok(vec![PageList::Parsed, PageList::Pro])
        );
        for wrong in ["", "public,", "Public", "live"] {
            assert_eq!(
                lists(wrong),
                Err("holds what is the name of no list".to_owned())
            );
        }
        assert_eq!(lists("pro,pro"), Err("names a list twice".to_owned()));
    }
}
