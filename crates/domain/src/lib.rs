//! Vocabulary and rules of match data, shared by every service.
//!
//! Here is what a match *is* and what must hold for matches, in types that
//! cannot hold anything else. There is deliberately no I/O, no async and no
//! serialization: wire formats belong to the crates that speak them.

mod account_id;
mod counting_rules;
mod day;
mod display;
mod error;
mod hero_id;
mod heroes;
mod ids;
mod match_id;
mod match_summary;
mod patch;
mod player_line;
mod position;
mod side;
mod skill_bracket;
mod start_time;
mod steam_id;
mod team;
mod timestamp;
mod whole_match;

pub use account_id::AccountId;
pub use counting_rules::{CountingRules, LeftOut};
pub use day::Day;
pub use display::{DisplayName, PictureUrl};
pub use error::InvalidData;
pub use hero_id::HeroId;
pub use ids::{SessionId, TokenId, UserId};
pub use match_id::MatchId;
pub use match_summary::MatchSummary;
pub use patch::{Patch, Patches};
pub use player_line::PlayerLine;
pub use position::{Laner, Position};
pub use side::{Side, Slot};
pub use skill_bracket::SkillBracket;
pub use start_time::start_time;
pub use steam_id::SteamId;
pub use team::Team;
pub use timestamp::Timestamp;
pub use whole_match::Match;
