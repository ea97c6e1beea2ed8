//! What happened, when, and what was found wrong.

use std::{collections::BTreeMap, fmt};

use tokio::time::Instant;

use super::{group::Rewound, schedule::Victim};

pub(super) struct Report {
    seed: u64,
    begun: Instant,
    events: Vec<String>,
    kills: BTreeMap<&'static str, usize>,
    rewinds: usize,
    records_rewound: i64,
    /// Records in the topics.
    pub(super) records: u64,
    /// Requests that were not answered as they should be.
    pub(super) lies: usize,
    /// Rows that there must be, by table.
    pub(super) rows: BTreeMap<&'static str, usize>,
    /// Rows that are not as they must be.
    pub(super) differences: usize,
    /// Records that must be set aside, and dead letters, repeated ones included.
    pub(super) dead_letters: (usize, usize),
    pub(super) findings: Vec<String>,
}

impl Report {
    pub(super) fn begin(seed: u64) -> Self {
        Self {
            seed,
            begun: Instant::now(),
            events: Vec::new(),
            kills: BTreeMap::new(),
            rewinds: 0,
            records_rewound: 0,
            records: 0,
            lies: 0,
            rows: BTreeMap::new(),
            differences: 0,
            dead_letters: (0, 0),
            findings: Vec::new(),
        }
    }

    /// Something happens now; whoever watches sees it at once.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        let event = format!("{:>8} ms  {}", self.begun.elapsed().as_millis(), what());
        eprintln!("{event}");
        self.events.push(event);
    }

    pub(super) fn killed(&mut self, victim: Victim) {
        for kind in victim.kinds() {
            *self.kills.entry(kind).or_default() += 1;
        }
    }

    pub(super) fn rewound(&mut self, rewound: &Rewound) {
        self.rewinds += 1;
        self.records_rewound += rewound.records;
        let Rewound {
            partitions,
            records,
        } = rewound;
        self.note(|| format!("{partitions} partitions are set back by {records} records"));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Chaos of etl-service, ETL_SEED={}\n", self.seed)?;
        let kills = self.kills.values().sum::<usize>();
        writeln!(f, "- {kills} kills: {:?}", self.kills)?;
        let (rewinds, rewound) = (self.rewinds, self.records_rewound);
        writeln!(f, "- {rewinds} rewinds, by {rewound} records")?;
        writeln!(f, "- {} lies", self.lies)?;
        writeln!(f, "- {} records written", self.records)?;
        writeln!(f, "- rows by table: {:?}", self.rows)?;
        let (expected, found) = self.dead_letters;
        writeln!(f, "- {expected} records set aside, as {found} dead letters")?;
        writeln!(f, "- {} differences", self.differences)?;
        for finding in &self.findings {
            writeln!(f, "- FOUND: {finding}")?;
        }
        writeln!(f, "\n```text\n{}\n```", self.events.join("\n"))
    }
}
