//! Every variable with texts that are right and texts that are wrong.

/// A variable, texts that are right for it, and texts that are wrong whatever else is set.
pub(super) struct Case(
    pub(super) &'static str,
    pub(super) &'static [&'static str],
    pub(super) &'static [&'static str],
);

/// In the order of the manual.
pub(super) const CASES: &[Case] = &[
    Case(
        "WAREHOUSE_URL",
        &["embedded", "https://host:8443"],
        &["", "tcp://host:9000", "http://me:s3cret@host"],
    ),
    Case("WAREHOUSE_DIR", &["data", "/var/a b"], &[""]),
    Case(
        "WAREHOUSE_DATABASE",
        &["d", "dota_2"],
        &["", "2dota", "a-b"],
    ),
    Case("WAREHOUSE_USER", &["reader"], &["", "a\tb"]),
    Case("WAREHOUSE_PASSWORD", &["s3cret"], &["", "s3cret\n"]),
    Case("WAREHOUSE_CA_FILE", &[], &["", "none.pem"]),
    Case(
        "REDIS_URL",
        &["redis://h:1/2", "redis+sentinel://a:1,b:2/main"],
        &[
            "",
            "rediss://h",
            "redis+cluster://a:1",
            "h:6379",
            "redis://h/x",
        ],
    ),
    Case("REDIS_KEY_PREFIX", &["", "dota:a/b.c-d_e:"], &["a b", "é"]),
    Case(
        "MODEL_SCHEDULE",
        &["", "0 0 * * 1", "*/15 * * * *"],
        &["17 */6 * *", "0 17 */6 * * *", "61 * * * *", "daily"],
    ),
    Case(
        "MODEL_RUN_ON_START",
        &["always", "never", "if_stale"],
        &["", "true", "if-stale"],
    ),
    Case(
        "MODEL_PATCHES",
        &["current", "7.38,current"],
        &["", "current,,previous"],
    ),
    Case(
        "MODEL_SKILLS",
        &["all", "all,herald_guardian,divine_immortal"],
        &["", "all,best", "all,"],
    ),
    Case("MODEL_MODES", &["turbo", "turbo,default"], &["", "ranked"]),
    Case("MODEL_WINDOW", &["1d", "3650d"], &["", "60", "1h", "3651d"]),
    Case("MODEL_HALF_LIFE", &["0", "1d"], &["", "14", "-1d"]),
    Case(
        "MODEL_HOLDOUT",
        &["0", "0.5"],
        &["", "0.6", "10%", "-0.1", "NaN"],
    ),
    Case("MODEL_JOINT", &["on", "off"], &["", "true", "yes"]),
    Case(
        "MODEL_MIN_MATCHES",
        &["0", "1000000000"],
        &["", "-1", "1e6"],
    ),
    Case("MODEL_INTERVAL", &["0.5", "0.999"], &["", "90", "1", "0.4"]),
    Case(
        "MODEL_STEP_TIMEOUT",
        &["1s", "24h"],
        &["", "5", "25h", "0s"],
    ),
    Case("MODEL_RETRIES", &["0", "1000"], &["", "-1", "1001"]),
    Case("MODEL_BACKOFF_MIN", &["10ms", "1h"], &["", "0s", "2h"]),
    Case("MODEL_BACKOFF_MAX", &["10ms", "1h"], &["", "0s", "2h"]),
    Case("MODEL_DATA_MAX_AGE", &["1m", "365d"], &["", "26", "366d"]),
    Case("PAS_ENABLED", &["true", "false"], &["", "yes", "0"]),
    Case("PAS_HISTORY", &["1d", "3650d"], &["", "1h", "365"]),
    Case("PAS_HALF_LIFE", &["0", "30d"], &["", "180", "-1d"]),
    Case(
        "PAS_ACCOUNTS",
        &["tracked", "none", "active:1", "active:100000"],
        &[
            "",
            "all",
            "active:",
            "active:0",
            "active:100001",
            "active:x",
        ],
    ),
    Case("COUNTERS_DURATION_MIN", &["0s", "1day"], &["", "10", "25h"]),
    Case(
        "COUNTERS_LOBBIES",
        &["0", "7, 0,7"],
        &["", "7;0", "256", "ranked"],
    ),
    Case("PATCHES_FILE", &[], &["none.json"]),
    Case("REDIS_TTL", &["0", "3650d"], &["", "30", "3651d"]),
    Case("DATA_DIR", &["data", "/var/a b"], &[""]),
    Case("RUNS_KEEP", &["1", "1000000"], &["", "0", "all"]),
    Case("LEADER_LOCK", &["redis", "none"], &["", "etcd"]),
    Case("LEADER_TTL", &["1s", "1h"], &["", "30", "500ms", "2h"]),
    Case(
        "OPENLINEAGE_URL",
        &["http://localhost:5000", "https://lineage.example/a/"],
        &[
            "",
            "kafka://a:1",
            "http://me:s3cret@a:1",
            "http://a/?key=s3cret",
        ],
    ),
    Case(
        "OPENLINEAGE_NAMESPACE",
        &["dota", "a/b:c"],
        &["", "two words", "é"],
    ),
    Case("API_HOST", &["::", "localhost"], &["", "a b", "[::1]"]),
    Case("API_PORT", &["0", "65535"], &["", "65536", "http"]),
    Case("API_TOKEN", &["a/b=="], &["", "s3 cret"]),
    Case(
        "API_CORS_ALLOWED_ORIGINS",
        &["", "*", "https://a.example,http://b:1"],
        &["a.example", "https://a/x", "*,*"],
    ),
    Case("REQUEST_TIMEOUT", &["500ms", "1m"], &["", "0", "61s"]),
    Case(
        "TRUSTED_PROXIES",
        &["", "10.0.0.0/8"],
        &["10.0.0.0/33", "proxy"],
    ),
    Case("LOG_LEVEL", &["off", "Warn", "TRACE"], &["", "loud"]),
    Case("LOG_FORMAT", &["json", "TEXT"], &["", "xml"]),
    Case("SERVICE_NAME", &["a \"name\" ü"], &["", "a\tb"]),
    Case("SHUTDOWN_TIMEOUT", &["100ms", "1h"], &["", "25", "0s"]),
];
