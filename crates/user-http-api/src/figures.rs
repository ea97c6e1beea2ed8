//! What was asked for, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::StatusCode;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Look,
    Replace,
    Patch,
    Remove,
    Subscribe,
    List,
}

/// What came of it, by the status of the answer.
const OUTCOMES: [&str; 11] = [
    "done",
    "not_modified",
    "invalid",
    "unauthorized",
    "forbidden",
    "not_found",
    "gone",
    "stale",
    "no_version",
    "unavailable",
    "failed",
];
/// The place of `stale` there.
const STALE: usize = 7;

/// Counts of answers, by what was asked for and what came of it.
#[derive(Debug, Default)]
pub(crate) struct RequestFigures([[AtomicU64; OUTCOMES.len()]; Operation::ALL.len()]);

impl Operation {
    const ALL: [Self; 6] = [
        Self::Look,
        Self::Replace,
        Self::Patch,
        Self::Remove,
        Self::Subscribe,
        Self::List,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Remove => "remove",
            Self::Subscribe => "subscribe",
            Self::List => "list",
        }
    }
}

impl RequestFigures {
    /// Counts one.
    pub(crate) fn count(&self, operation: Operation, status: StatusCode) {
        let outcome = outcome(status.as_u16());
        self.0[operation as usize][outcome].fetch_add(1, Ordering::Relaxed);
    }

    /// All of them: operation, outcome, count.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let rows = Operation::ALL.into_iter().zip(&self.0);
        rows.flat_map(|(operation, row)| {
            let counts = OUTCOMES.into_iter().zip(row);
            counts.map(move |(outcome, count)| {
                (operation.name(), outcome, count.load(Ordering::Relaxed))
            })
        })
    }

    /// How often somebody had changed in between what was to be changed.
    pub(crate) fn conflicts(&self) -> u64 {
        let stale = self.0.iter().map(|row| row[STALE].load(Ordering::Relaxed));
        stale.sum()
    }
}

fn outcome(status: u16) -> usize {
    match status {
        200..=299 => 0,
        304 => 1,
        401 => 3,
        403 => 4,
        404 => 5,
        410 => 6,
        412 => STALE,
        428 => 8,
        400..=499 => 2,
        503 => 9,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_counted_by_its_status() {
        for (status, expected) in [
            (200, "done"),
            (204, "done"),
            (304, "not_modified"),
            (400, "invalid"),
            (401, "unauthorized"),
            (403, "forbidden"),
            (404, "not_found"),
            (410, "gone"),
            (412, "stale"),
            (413, "invalid"),
            (415, "invalid"),
            (422, "invalid"),
            (428, "no_version"),
            (500, "failed"),
            (503, "unavailable"),
        ] {
            let figures = RequestFigures::default();
            let code = StatusCode::from_u16(status).expect("it is a status");
            figures.count(Operation::Patch, code);
            let counted: Vec<_> = figures
                .counts()
                .filter(|(_, _, count)| *count > 0)
                .collect();
            assert_eq!(counted, [("patch", expected, 1)], "{status}");
            assert_eq!(figures.conflicts(), u64::from(status == 412), "{status}");
        }
    }
}
