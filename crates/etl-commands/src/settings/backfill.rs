//! `[backfill]`.

use etl_application::backfill::BackfillShare;
use service_kit::config::{Declaration, Parsed, Setting, SettingsReader};

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&SHARE];

const SHARE: Setting<Parsed<BackfillShare>> = Setting {
    variable: "BACKFILL_SHARE",
    default: "50%",
    help: "How much of the warehouse's time the backfills of a process take together: after a \
           batch that it worked for so long, they rest in proportion; of the calls that \
           OpenDota permits, the reserve taken off; and of the time and the calls of a day that \
           Steam's keys have",
    parser: Parsed {
        allowed: "1% to 100%",
        parse: share,
    },
};

fn share(text: &str) -> Result<BackfillShare, String> {
    let percent = text.trim().strip_suffix('%');
    let percent = percent.and_then(|percent| percent.trim_end().parse().ok());
    let share = percent.and_then(BackfillShare::of_percent);
    share.ok_or_else(|| "not a share in percent".to_owned())
}

pub(super) fn read(reader: &mut SettingsReader) -> BackfillShare {
    reader.get(&SHARE)
}
