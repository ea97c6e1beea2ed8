//! The tables of the warehouse: who writes them and who reads them say the same.
//!
//! A struct is a row: its fields are the columns, in their order, and
//! serialize as such; [`TableRow`] has the names. What a type means in the
//! warehouse stands with the field where it is not plain: times are in seconds
//! since 1970-01-01 unless the name of the field says otherwise, days in days
//! since then, and `None` is NULL, which stands for not known.
//!
//! How tables are made, kept and read is no part of this: statements belong to
//! the adapters of the service that owns them. Facts are replaced by the row
//! with the higher [`version`](crate::version); counters are replaced by day.

mod bookkeeping;
mod codes;
mod counters;
mod facts;

pub use bookkeeping::{
    BackfillRow, CallBudgetRow, DayBuildRow, DetailWishRow, DirtyDayRow, PatchRow,
};
pub use codes::{BackfillState, Relation, SideCode, UnknownCode, WishState, Won};
pub use counters::{HeroDayRow, PairDayRow, PairRow, PositionDayRow};
pub use facts::{
    MatchPlayerRow, MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow, PlayerMatchRow,
};

/// The version of the tables of the embedded warehouse: of the file that is read,
/// and of the program that reads it.
pub const SCHEMA_VERSION: u32 = 2;

/// The column in which the warehouse itself writes when a row of `matches` came;
/// no row here has it.
pub const LOADED_AT: &str = "loaded_at";

/// A row of a table, or of a view.
pub trait TableRow {
    /// The name of the table.
    const TABLE: &'static str;
    /// The names of its columns, in the order of the fields.
    const COLUMNS: &'static [&'static str];
}

/// Declares a row: its fields and its columns cannot differ.
macro_rules! table_row {
    (
        $(#[$about:meta])*
        $row:ident in $table:literal {
            $( $(#[$note:meta])* $column:ident: $type:ty, )+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $row {
            $( $(#[$note])* pub $column: $type, )+
        }

        impl $crate::warehouse::TableRow for $row {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] = &[$( stringify!($column) ),+];
        }
    };
}
use table_row;
