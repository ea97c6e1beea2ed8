-- Times are milliseconds since 1970, UTC. The texts of ids sort as their times do.
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    run_trigger TEXT NOT NULL,
    run_by TEXT,
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    program TEXT NOT NULL,
    settings_hash TEXT NOT NULL,
    counts_hash TEXT,
    figures TEXT,
    failed_step TEXT,
    failed_cause TEXT
) STRICT;

CREATE INDEX runs_by_state ON runs (state, id);

CREATE TABLE steps (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    row_count INTEGER NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
