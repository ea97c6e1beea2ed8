//! Every variable with texts that are right and texts that are wrong.

/// One variable with texts that are right, and texts that are wrong beside
/// what is shown of them.
pub(super) struct Case {
    pub(super) variable: &'static str,
    pub(super) right: &'static [&'static str],
    pub(super) wrong: &'static [(&'static str, &'static str)],
}

const fn case(
    variable: &'static str,
    right: &'static [&'static str],
    wrong: &'static [(&'static str, &'static str)],
) -> Case {
    Case {
        variable,
        right,
        wrong,
    }
}

const WRONG_INTERVALS: &[(&str, &str)] = &[
    ("soon", "soon"),
    ("", ""),
    ("30", "30"),
    ("0s", "0s"),
    ("2h", "2h"),
    ("-1s", "-1s"),
];
const WRONG_TOPICS: &[(&str, &str)] =
    &[("a b", "a b"), ("", ""), ("..", ".."), ("matché", "matché")];
/// Longer than what is said to a feed.
const TOO_LONG: &str = match str::from_utf8(&[b'x'; 8 * 1024 + 1]) {
    Ok(text) => text,
    Err(_) => panic!("letters are text"),
};
const EMPTY: &[(&str, &str)] = &[("", "")];

/// In the order of the manual.
pub(super) const CASES: &[Case] = &[
    case(
        "INGESTION_SOURCES",
        &["opendota-stream", "opendota-logs,opendota-stream"],
        &[
            ("", ""),
            ("opendota_stream", "opendota_stream"),
            ("opendota-stream,elsewhere", "opendota-stream,elsewhere"),
        ],
    ),
    case(
        "INGESTION_STANDBY",
        &["off", "on"],
        &[("true", "true"), ("", "")],
    ),
    case(
        "KAFKA_BOOTSTRAP_SERVERS",
        &["broker:9092", "a:1,[::1]:2"],
        &[
            ("broker", "broker"),
            ("", ""),
            ("a:1,", "a:1,"),
            ("a:0", "a:0"),
            ("a:b", "a:b"),
        ],
    ),
    case(
        "KAFKA_SECURITY_PROTOCOL",
        &["plaintext", "ssl", "SSL"],
        &[("tls", "tls"), ("", "")],
    ),
    case(
        "KAFKA_SASL_MECHANISM",
        &[],
        &[("GSSAPI", "GSSAPI"), ("", "")],
    ),
    case("KAFKA_SASL_USERNAME", &[], EMPTY),
    case("KAFKA_SASL_PASSWORD", &[], &[("", "***")]),
    case("KAFKA_SSL_CA_LOCATION", &[], EMPTY),
    case("KAFKA_SSL_CERTIFICATE_LOCATION", &[], EMPTY),
    case("KAFKA_SSL_KEY_LOCATION", &[], EMPTY),
    case(
        "KAFKA_PROPERTIES",
        &[
            "",
            "socket.timeout.ms=1000,ssl.key.password=x",
            "compression.level=3",
        ],
        &[
            ("acks=1", "acks=1"),
            (
                "batch.size=1,enable.idempotence=false",
                "batch.size=1,enable.idempotence=false",
            ),
            (
                "batch.size=1,sasl.password=s3cret",
                "batch.size=1,sasl.password=***",
            ),
            ("socket.timeout.ms", "***"),
            ("a=1,a=2", "a=1,a=2"),
        ],
    ),
    case("KAFKA_PUBLISH_TOPIC", &["a", "A.b_c-9"], WRONG_TOPICS),
    case("KAFKA_DEAD_LETTER_TOPIC", &["a", "A.b_c-9"], WRONG_TOPICS),
    case(
        "KAFKA_MATCH_SUMMARY_TOPIC",
        &["", "a", "A.b_c-9"],
        &[("a b", "a b"), ("..", "..")],
    ),
    case("KAFKA_GROUP_ID", &["a b"], EMPTY),
    case(
        "KAFKA_DELIVERY",
        &["at_least_once", "exactly_once"],
        &[("", ""), ("at_most_once", "at_most_once")],
    ),
    case("KAFKA_TRANSACTIONAL_ID", &["a b"], EMPTY),
    case(
        "KAFKA_LINGER",
        &["0ms", "1s"],
        &[("10", "10"), ("1001ms", "1001ms"), ("1us", "1us")],
    ),
    case(
        "KAFKA_COMPRESSION",
        &["none", "gzip", "snappy", "lz4", "zstd", "LZ4"],
        &[("brotli", "brotli"), ("", "")],
    ),
    case(
        "OPENDOTA_STREAM_URL",
        &[
            "ws://127.0.0.1:9",
            "wss://u:p@h/x?api_key=k",
            "wss://u:p@h/x?api_key=k, ws://second.example",
        ],
        &[
            (
                "ws://a,ws://a/?token=k,http://b",
                "ws://a,ws://a/?token=***,http://b",
            ),
            ("https://u:p@h/x?api_key=k", "https://***@h/x?api_key=***"),
            ("feed.example", "***"),
            ("", "***"),
        ],
    ),
    case(
        "OPENDOTA_STREAM_FORMAT",
        &["object", "envelope", "Lines"],
        &[("json", "json"), ("", "")],
    ),
    case(
        "OPENDOTA_STREAM_SUBSCRIBE",
        &["", "{\"subscribe\":\"matches\",\"token\":\"s3cret\"}"],
        &[(TOO_LONG, "***")],
    ),
    case(
        "OPENDOTA_STREAM_HEADERS",
        &[
            "",
            "Authorization: Bearer x, X-Two: 2",
            "Sec-WebSocket-Protocol: json, sec-websocket-protocol: xml",
        ],
        &[
            ("no header", "***"),
            ("Host: x", "Host: ***"),
            ("A: b,sec-websocket-key: x", "A: ***,sec-websocket-key: ***"),
            (
                "Sec-WebSocket-Protocol: not a token",
                "Sec-WebSocket-Protocol: ***",
            ),
        ],
    ),
    case(
        "OPENDOTA_STREAM_CA_FILE",
        &[],
        &[("absent.pem", "absent.pem"), ("", "")],
    ),
    case(
        "OPENDOTA_STREAM_HEARTBEAT",
        &["10ms", "1h"],
        WRONG_INTERVALS,
    ),
    case(
        "OPENDOTA_STREAM_CONNECT_TIMEOUT",
        &["10ms", "1h"],
        WRONG_INTERVALS,
    ),
    case(
        "OPENDOTA_STREAM_IDLE_TIMEOUT",
        &["10ms", "1h"],
        WRONG_INTERVALS,
    ),
    case(
        "OPENDOTA_STREAM_BACKOFF_MIN",
        &["10ms", "30s"],
        WRONG_INTERVALS,
    ),
    case(
        "OPENDOTA_STREAM_BACKOFF_MAX",
        &["500ms", "1h"],
        WRONG_INTERVALS,
    ),
    case(
        "OPENDOTA_STREAM_MESSAGE_SIZE_MAX",
        &["1KiB", "1GiB", "65536"],
        &[("big", "big"), ("1B", "1B"), ("2GiB", "2GiB"), ("", "")],
    ),
    case(
        "OPENDOTA_LOGS_URL",
        &[
            "http://localhost:9/logs",
            "https://upstream.example/logs?api_key=k",
        ],
        &[
            ("wss://x/?api_key=k", "wss://x/?api_key=***"),
            ("api.opendota.com/logs", "***"),
            ("", "***"),
        ],
    ),
    case(
        "OPENDOTA_API_URL",
        &["http://localhost:9/api", "https://upstream.example/api/"],
        &[
            ("wss://x", "wss://x"),
            ("http://h/?api_key=s", "http://h/?api_key=***"),
            ("", "***"),
        ],
    ),
    case("OPENDOTA_API_KEY", &["one"], &[("", "***"), ("a b", "***")]),
    case(
        "OPENDOTA_API_RESERVE",
        &["0%", "90%"],
        &[("30", "30"), ("91%", "91%"), ("", "")],
    ),
    case(
        "OPENDOTA_PAGES",
        &["public", "parsed,pro,public"],
        &[("live", "live"), ("pro,pro", "pro,pro"), ("", "")],
    ),
    case(
        "STEAM_API_URL",
        &["http://localhost:9", "https://upstream.example/steam"],
        &[("wss://x", "wss://x"), ("", "***")],
    ),
    case(
        "STEAM_API_KEYS",
        &["one", "one,two"],
        &[("", "***"), ("one,", "***"), ("one,two,three", "***")],
    ),
    case(
        "STEAM_START",
        &["newest", "7400000000"],
        &[("oldest", "oldest"), ("-1", "-1"), ("", "")],
    ),
    case(
        "DEDUP_WINDOW_SIZE",
        &["1", "100000000"],
        &[
            ("0", "0"),
            ("-1", "-1"),
            ("1e6", "1e6"),
            ("100000001", "100000001"),
            ("", ""),
        ],
    ),
    case("JOURNAL_DIR", &["a/b"], EMPTY),
    case(
        "JOURNAL_SIZE_MAX",
        &["1MiB", "1TiB"],
        &[("1", "1"), ("all", "all"), ("", "")],
    ),
    case(
        "API_HOST",
        &["::", "127.0.0.1", "localhost"],
        &[
            ("a b", "a b"),
            ("", ""),
            ("[::1]", "[::1]"),
            ("300.1.1.1", "300.1.1.1"),
            ("127.1", "127.1"),
        ],
    ),
    case(
        "API_PORT",
        &["0", "65535"],
        &[("65536", "65536"), ("http", "http"), ("", "")],
    ),
    case(
        "API_TOKEN",
        &["123", "a/b=="],
        &[("", "***"), ("s3 cret", "***"), ("s3cr\u{e9}t", "***")],
    ),
    case(
        "API_CORS_ALLOWED_ORIGINS",
        &["", "*", "https://a.example,http://b:1"],
        &[
            ("a.example", "a.example"),
            ("https://a/x", "https://a/x"),
            ("*,*", "*,*"),
        ],
    ),
    case(
        "REQUEST_TIMEOUT",
        &["500ms", "8s", "1m"],
        &[("0", "0"), ("61s", "61s"), ("five", "five")],
    ),
    case(
        "TRUSTED_PROXIES",
        &["", "10.0.0.0/8", "192.0.2.7, fd00::/8"],
        &[("10.0.0.0/33", "10.0.0.0/33"), ("proxy", "proxy")],
    ),
    case(
        "LOG_LEVEL",
        &["off", "error", "Warn", "INFO", "debug", "trace"],
        &[("loud", "loud"), ("", "")],
    ),
    case("LOG_FORMAT", &["json", "TEXT"], &[("xml", "xml"), ("", "")]),
    case(
        "SERVICE_NAME",
        &["a \"name\" ü"],
        &[("", ""), ("a\tb", "a\\tb")],
    ),
    case(
        "SHUTDOWN_TIMEOUT",
        &["100ms", "1h"],
        &[("25", "25"), ("0s", "0s"), ("", "")],
    ),
];
