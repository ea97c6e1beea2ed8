//! Which slice is asked for.

use std::sync::Arc;

use actix_web::HttpRequest;
use http_kit::Parameters;
use model_application::{Mode, Skill, Slice};

use crate::{
    problems::{Refused, no_data, not_known_yet, unknown_mode, unknown_patch, unknown_skill},
    published::{PatchModels, SliceModels, Snapshot},
};

/// The parameters of a [`Target`].
pub(crate) const TARGET: [&str; 3] = ["patch", "skill", "mode"];

/// Names as they were given.
#[derive(Default)]
pub(crate) struct Target {
    /// The current one, if none is named.
    pub(crate) patch: Option<String>,
    /// All, if none is named.
    pub(crate) skill: Option<String>,
    /// The default, if none is named.
    pub(crate) mode: Option<String>,
}

impl Target {
    /// That of a query.
    pub(crate) fn of(query: &Parameters) -> Result<Self, Refused> {
        let word = |name| query.optional(name, "a name", |word| Some(word.to_owned()));
        Ok(Self {
            patch: word("patch")?,
            skill: word("skill")?,
            mode: word("mode")?,
        })
    }

    /// The skill that is meant.
    pub(crate) fn skill(&self, request: &HttpRequest) -> Result<Skill, Refused> {
        match &self.skill {
            Some(name) => name.parse().map_err(|_| unknown_skill(request, name)),
            None => Ok(Skill::All),
        }
    }

    /// The patch that is meant.
    pub(crate) fn patch<'a>(
        &self,
        request: &HttpRequest,
        snapshot: &'a Snapshot,
    ) -> Result<&'a PatchModels, Refused> {
        if snapshot.seen_at.is_none() {
            return Err(not_known_yet(request));
        }
        let nothing = "nothing is published yet; /api/v1/runs says what became of the runs";
        let index = snapshot.index.as_ref();
        let index = index.ok_or_else(|| no_data(request, nothing))?;
        let name = self.patch.as_ref().unwrap_or(&index.current);
        let found = snapshot.patch(name);
        found.ok_or_else(|| unknown_patch(request, name, snapshot))
    }

    /// The slice that is meant, and its patch.
    pub(crate) fn slice<'a>(
        &self,
        request: &HttpRequest,
        snapshot: &'a Snapshot,
    ) -> Result<(&'a PatchModels, &'a Arc<SliceModels>), Refused> {
        let skill = self.skill(request)?;
        let mode = match &self.mode {
            Some(name) => name.parse().map_err(|_| unknown_mode(request, name))?,
            None => Mode::Default,
        };
        let patch = self.patch(request, snapshot)?;
        let name = Slice { mode, skill };
        let found = patch.slice(name).ok_or_else(|| {
            let known = patch.slices.iter().map(|slice| slice.name.to_string());
            let known = known.collect::<Vec<_>>().join(", ");
            let detail = format!(
                "{name} of patch {} is not published; published are {known}",
                patch.meta.patch
            );
            no_data(request, detail)
        })?;
        Ok((patch, found))
    }
}
