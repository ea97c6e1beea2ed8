//! Which patches there are, as the settings say it.

use std::sync::Mutex;

use async_trait::async_trait;
use domain::Patches;
use model_application::ports::{PatchSource, PatchesUnreadable};
use service_kit::counting::PatchesSetting;

/// The built-in list, with what a file adds to it and changes of it; the file is read
/// again each time.
pub(crate) struct PatchFile {
    setting: PatchesSetting,
    /// What was read last, so that a file that is being replaced stops nothing.
    last: Mutex<Patches>,
}

impl PatchFile {
    pub(crate) fn new(setting: PatchesSetting) -> Self {
        let last = Mutex::new(setting.patches.clone());
        Self { setting, last }
    }
}

#[async_trait]
impl PatchSource for PatchFile {
    async fn patches(&self) -> Result<Patches, PatchesUnreadable> {
        let Some(path) = self.setting.file.clone() else {
            return Ok(self.setting.patches.clone());
        };
        let reading =
            tokio::task::spawn_blocking(move || service_kit::counting::read_patches(&path));
        let read = reading.await;
        let read = read.map_err(|error| PatchesUnreadable(error.to_string()))?;
        let mut last = self
            .last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match read {
            Ok(patches) => {
                last.clone_from(&patches);
                Ok(patches)
            }
            Err(why) => {
                tracing::warn!(why, "PATCHES_FILE cannot be read; the list stays as it was");
                Ok(last.clone())
            }
        }
    }
}
