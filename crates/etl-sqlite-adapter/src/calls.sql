-- Details by call: whose turn it is, and what was asked of upstreams.

CREATE INDEX detail_wishes_in_line ON detail_wishes (priority DESC, next_try, match_id) WHERE state = 1;

CREATE TABLE call_budgets (
    upstream TEXT    NOT NULL,
    day      INTEGER NOT NULL,
    calls    INTEGER NOT NULL,
    PRIMARY KEY (upstream, day)
) STRICT, WITHOUT ROWID;
