-- The embedded warehouse: the same tables, columns and rules as on a server.
-- Times are in seconds since 1970-01-01 unless said otherwise, days in days
-- since then; lists are JSON, so that people and statements can look into them.

CREATE TABLE matches (
    match_id    INTEGER PRIMARY KEY,
    start_time  INTEGER NOT NULL,
    duration    INTEGER NOT NULL,
    radiant_win INTEGER NOT NULL,
    lobby_type  INTEGER NOT NULL,
    game_mode   INTEGER NOT NULL,
    radiant     TEXT    NOT NULL,
    dire        TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    loaded_at   INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;
CREATE INDEX matches_by_start ON matches (start_time, match_id);

CREATE TABLE match_sources (
    match_id      INTEGER NOT NULL,
    source        TEXT    NOT NULL,
    start_time    INTEGER NOT NULL,
    match_seq_num INTEGER, -- 64 bits, and of two's complement from 2^63 on
    cluster       INTEGER,
    league_id     INTEGER,
    human_players INTEGER,
    version       INTEGER NOT NULL,
    PRIMARY KEY (match_id, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX match_sources_by_start ON match_sources (start_time);

CREATE TABLE match_ranks (
    match_id      INTEGER PRIMARY KEY,
    start_time    INTEGER NOT NULL,
    avg_rank_tier INTEGER NOT NULL,
    num_rank_tier INTEGER,
    source        TEXT    NOT NULL,
    version       INTEGER NOT NULL
) STRICT;

CREATE TABLE match_players (
    match_id      INTEGER NOT NULL,
    slot          INTEGER NOT NULL,
    start_time    INTEGER NOT NULL,
    account_id    INTEGER NOT NULL, -- 0 for an anonymous player
    hero_id       INTEGER NOT NULL,
    won           INTEGER NOT NULL, -- 0 unknown, 1 yes, 2 no
    kills         INTEGER NOT NULL,
    deaths        INTEGER NOT NULL,
    assists       INTEGER NOT NULL,
    last_hits     INTEGER,
    denies        INTEGER,
    gold_per_min  INTEGER,
    xp_per_min    INTEGER,
    level         INTEGER,
    net_worth     INTEGER,
    hero_damage   INTEGER,
    tower_damage  INTEGER,
    hero_healing  INTEGER,
    leaver_status INTEGER,
    items         TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    PRIMARY KEY (match_id, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX match_players_by_account ON match_players (account_id, match_id) WHERE account_id <> 0;

-- A table on a server, an index here.
CREATE VIEW player_matches AS
SELECT p.account_id, p.match_id, p.start_time, p.slot, p.hero_id, p.won, m.game_mode, m.lobby_type,
       p.kills, p.deaths, p.assists, m.duration, p.version
FROM match_players AS p CROSS JOIN matches AS m ON m.match_id = p.match_id
WHERE p.account_id <> 0;

CREATE TABLE match_positions (
    match_id   INTEGER NOT NULL,
    slot       INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    lane       INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (match_id, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE hero_days (
    day       INTEGER NOT NULL,
    patch     TEXT    NOT NULL,
    bracket   INTEGER NOT NULL,
    game_mode INTEGER NOT NULL,
    side      INTEGER NOT NULL, -- 1 radiant, 2 dire
    hero      INTEGER NOT NULL,
    games     INTEGER NOT NULL,
    wins      INTEGER NOT NULL,
    build     INTEGER NOT NULL,
    PRIMARY KEY (day, hero, patch, bracket, game_mode, side)
) STRICT, WITHOUT ROWID;

CREATE TABLE position_days (
    day       INTEGER NOT NULL,
    patch     TEXT    NOT NULL,
    bracket   INTEGER NOT NULL,
    game_mode INTEGER NOT NULL,
    hero      INTEGER NOT NULL,
    lane      INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    games     INTEGER NOT NULL,
    wins      INTEGER NOT NULL,
    build     INTEGER NOT NULL,
    PRIMARY KEY (day, hero, position, lane, patch, bracket, game_mode)
) STRICT, WITHOUT ROWID;

CREATE TABLE pair_days (
    day       INTEGER NOT NULL,
    patch     TEXT    NOT NULL,
    bracket   INTEGER NOT NULL,
    game_mode INTEGER NOT NULL,
    relation  INTEGER NOT NULL, -- 1 against, 2 with
    hero      INTEGER NOT NULL,
    other     INTEGER NOT NULL,
    games     INTEGER NOT NULL,
    wins      INTEGER NOT NULL,
    build     INTEGER NOT NULL,
    PRIMARY KEY (day, relation, hero, other, patch, bracket, game_mode)
) STRICT, WITHOUT ROWID;

CREATE VIEW pairs AS
SELECT day, patch, bracket, game_mode, relation, hero, other, games, wins, build FROM pair_days
UNION ALL
SELECT day, patch, bracket, game_mode, relation, other, hero, games,
       CASE relation WHEN 1 THEN games - wins ELSE wins END, build
FROM pair_days;

CREATE TABLE patches (
    name    TEXT    NOT NULL PRIMARY KEY,
    since   INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dirty_days (
    day  INTEGER PRIMARY KEY,
    mark INTEGER NOT NULL -- nanoseconds
) STRICT;

CREATE TABLE day_builds (
    day      INTEGER PRIMARY KEY,
    mark     INTEGER NOT NULL,
    built_at INTEGER NOT NULL, -- milliseconds
    matches  INTEGER NOT NULL,
    counted  INTEGER NOT NULL,
    left_out TEXT    NOT NULL
) STRICT;

CREATE TABLE detail_wishes (
    match_id INTEGER PRIMARY KEY,
    reason   TEXT    NOT NULL,
    priority INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    state    INTEGER NOT NULL, -- 1 waiting, 2 fetched, 3 given up
    next_try INTEGER NOT NULL,
    version  INTEGER NOT NULL
) STRICT;

CREATE TABLE backfills (
    id       TEXT    NOT NULL PRIMARY KEY, -- a UUID
    origin   TEXT    NOT NULL,
    state    INTEGER NOT NULL, -- 1 running, 2 finished, 3 cancelled, 4 failed
    position TEXT    NOT NULL,
    records  INTEGER NOT NULL,
    version  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
