//! One section of the settings, declared once beside the struct it fills.

use super::declaration::Declaration;

/// The settings that share the part of their names before the first underscore.
///
/// A section lives in the crate that owns the struct it fills, and a service
/// gets it by naming it. It has three parts:
///
/// - a struct whose fields are its [`Setting`](super::Setting)s. A constant
///   `DEFAULT` declares them; where services differ, a `const fn` changes what
///   differs, mostly a default;
/// - `read`, a method that takes the
///   [`SettingsReader`](super::SettingsReader) and what follows from other
///   sections, and fills the struct;
/// - one check of what is wrong only beside other settings or in the world. It
///   belongs to the struct and gives [`Broken`](super::Broken) rules; `read`
///   hands them to [`SettingsReader::refuse_all`](super::SettingsReader::refuse_all),
///   and a constructor that others fill by hand refuses the same.
///
/// Rules of one value alone are its parser's and stand nowhere else.
/// Two sections may share a name: a kit declares what every user of its
/// technology needs, the adapter on top of it what only its service needs.
///
/// ```
/// use std::time::Duration;
/// use service_kit::config::{
///     Broken, Declaration, DurationBetween, Section, Setting, SettingsReader,
/// };
///
/// /// How often the tide is measured.
/// pub struct TideSettings {
///     pub interval: Duration,
///     pub timeout: Duration,
/// }
///
/// impl TideSettings {
///     fn check(&self) -> Vec<Broken> {
///         let rule = Broken::new("TIDE_TIMEOUT", "longer than TIDE_INTERVAL");
///         Vec::from_iter((self.timeout > self.interval).then_some(rule))
///     }
/// }
///
/// /// `[tide]`
/// pub struct TideSection {
///     interval: Setting<DurationBetween>,
///     timeout: Setting<DurationBetween>,
/// }
///
/// impl TideSection {
///     pub const DEFAULT: Self = Self {
///         interval: Setting {
///             variable: "TIDE_INTERVAL",
///             default: "30s",
///             help: "Time between two measurements",
///             parser: ANY,
///         },
///         timeout: Setting {
///             variable: "TIDE_TIMEOUT",
///             default: "5s",
///             help: "Time for one measurement",
///             parser: ANY,
///         },
///     };
///
///     /// Measures as often as this service needs it.
///     pub const fn with_interval(mut self, default: &'static str) -> Self {
///         self.interval.default = default;
///         self
///     }
///
///     pub fn read(&self, reader: &mut SettingsReader) -> TideSettings {
///         let settings = TideSettings {
///             interval: reader.get(&self.interval),
///             timeout: reader.get(&self.timeout),
///         };
///         reader.refuse_all(settings.check());
///         settings
///     }
/// }
///
/// impl Section for TideSection {
///     fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
///         vec![&self.interval, &self.timeout]
///     }
/// }
///
/// // In the service:
/// static TIDE: TideSection = TideSection::DEFAULT.with_interval("1m");
///
/// # const ANY: DurationBetween = DurationBetween {
/// #     min: Duration::from_secs(1),
/// #     max: Duration::from_hours(1),
/// # };
/// assert_eq!(TIDE.declarations()[0].default_shown(), "1m");
/// ```
pub trait Section: Sync {
    /// Its settings, in the order of the manual.
    fn declarations(&'static self) -> Vec<&'static dyn Declaration>;
}

/// The settings of several sections, in the order of the manual.
#[must_use]
pub fn declarations(sections: &[&'static dyn Section]) -> Vec<&'static dyn Declaration> {
    sections.iter().flat_map(|s| s.declarations()).collect()
}
