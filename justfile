# What CI runs, recipe by recipe, and what an operator or developer runs now and then.

# Lists the recipes.
default:
    @just --list

# Everything a change must pass.
ci:
    .ci/run

# Formats the code.
fmt:
    cargo fmt --all

# Lints everything, warnings as errors.
clippy:
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

# Checks layers, licences and sources of all dependencies.
deny:
    cargo deny --locked check -D unused-wrapper bans licenses sources
    cargo test --workspace --features workspace-rules/cargo-deny --test cargo_deny --locked

# Checks dependencies against the advisory database; it clones that from its git host, so CI cannot.
advisories:
    cargo deny --locked check advisories

# Builds the documentation of the code, warnings as errors.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Runs all tests; they start a real Kafka.
test:
    cargo test --workspace --locked

# Tests what is promised of the binary that ships, on one that is built faster.
test-release:
    cargo build --profile release-quick -p ingestion-service --locked
    INGESTION_SERVICE_BINARY={{justfile_directory()}}/target/release-quick/ingestion-service \
        cargo test --workspace --features ingestion-service/release-binary --test e2e --locked release_binary

# Tests the pages in Chromium, which must be installed.
test-browser:
    cargo test --workspace --locked --test api \
        --features auth-http-api/browser-tests,ingestion-http-api/browser-tests,etl-http-api/browser-tests,model-http-api/browser-tests,user-http-api/browser-tests \
        -- live_page own_page

# Hurts three brokers, the feed and the service for so long, and reports: just chaos 60
chaos MINUTES="2":
    CHAOS_MINUTES={{trim_start_match(MINUTES, "MINUTES=")}} cargo test --workspace --test chaos --locked -- --nocapture

# Kills or suspends the active one of three instances for so long: just standby 10
standby MINUTES="10":
    STANDBY_MINUTES={{trim_start_match(MINUTES, "MINUTES=")}} \
        cargo test -p ingestion-service --test e2e --locked standby -- --nocapture

# Kills the service over Steam's sequence so often, most times within a transaction: just kills 100
kills KILLS="100":
    STEAM_KILLS={{trim_start_match(KILLS, "KILLS=")}} \
        cargo test -p ingestion-service --test e2e --locked steam:: -- --nocapture

# Kills two instances of etl-service, their broker and their ClickHouse so often, and lies in between: just chaos-etl 200 20
chaos-etl KILLS="60" LIES="0" SEED="8":
    ETL_KILLS={{trim_start_match(KILLS, "KILLS=")}} ETL_LIES={{trim_start_match(LIES, "LIES=")}} \
        ETL_SEED={{trim_start_match(SEED, "SEED=")}} \
        cargo test -p etl-service --test e2e --locked chaos:: -- --nocapture

# Kills publishers of models so often under readers, and freezes Redis and pauses a leader for so long: just publish-kills 200 100 60
publish-kills PUBLICATIONS="200" KILLS="100" SECONDS="60" SEED="1":
    PUBLISH_PUBLICATIONS={{trim_start_match(PUBLICATIONS, "PUBLICATIONS=")}} PUBLISH_KILLS={{trim_start_match(KILLS, "KILLS=")}} \
        PUBLISH_FREEZE_SECONDS={{trim_start_match(SECONDS, "SECONDS=")}} PUBLISH_PAUSE_SECONDS={{trim_start_match(SECONDS, "SECONDS=")}} \
        PUBLISH_SEED={{trim_start_match(SEED, "SEED=")}} \
        cargo test -p model-test-support --test publishing --locked -- --nocapture

# Lets a day of so many matches pass through both services, and compares every one: just day 1209600
day MATCHES="100000":
    cargo build --release --locked -p ingestion-service
    cargo build --release --locked -p clickhouse-test-kit
    DAY_MATCHES={{trim_start_match(MATCHES, "MATCHES=")}} \
        cargo test --release -p etl-service --test e2e --locked day:: -- --nocapture --test-threads 1

# Lets so many matches pass from pages to what readers find in Redis, and compares that with their world: just way 200000
way MATCHES="8000":
    WAY_MATCHES={{trim_start_match(MATCHES, "MATCHES=")}} \
        cargo test -p model-service --test runs --locked whole_way:: -- --nocapture

# Lets a week of every feed pass in virtual time, or so many hours, and reports: just week 24 7
week HOURS="168" SEED="1":
    cargo run --release --locked -p ingestion-simulation --bin week -- {{trim_start_match(HOURS, "HOURS=")}} {{trim_start_match(SEED, "SEED=")}}

# Has the built binary read all feeds from a real Kafka's side for so long, while everything goes away: just week-kafka 30
week-kafka MINUTES="30":
    WEEK_MINUTES={{trim_start_match(MINUTES, "MINUTES=")}} \
        cargo test -p ingestion-service --test e2e --locked all_feeds -- --nocapture

# Shows the whole product on this machine: just demo --duration 30s --rate 0
demo *options:
    cargo run --release -- demo {{options}}

# Measures CPU time per million matches beside a minimal loop.
bench-quick *ARGS:
    cargo build --release -p ingestion-service -p ingestion-benchmarks
    target/release/bench-quick {{ARGS}}

# Measures what journal and exactly-once delivery cost the service, beside delivery at least once.
bench-exactly-once *ARGS:
    cargo build --release -p ingestion-service -p ingestion-benchmarks
    target/release/bench-exactly-once {{ARGS}}

# Measures what exactly-once delivery costs the publisher alone, with a broker of its own.
bench-delivery *ARGS:
    cargo build --release -p ingestion-service -p ingestion-benchmarks
    target/release/bench-delivery {{ARGS}}

# Measures the feed over Steam's sequence, beside reading the same answers from memory.
bench-steam *ARGS:
    cargo build --release -p ingestion-benchmarks --bin bench-steam
    target/release/bench-steam {{ARGS}}

# Measures the feed over pages, beside reading the same answers from memory.
bench-pages *ARGS:
    cargo build --release -p ingestion-benchmarks --bin bench-pages
    target/release/bench-pages {{ARGS}}

# Measures loading from a real Kafka into a real ClickHouse, beside the client alone; rebuilds a large day.
bench-etl *ARGS:
    cargo build --release -p etl-service -p etl-benchmarks -p clickhouse-test-kit
    target/release/bench-etl {{ARGS}}

# Measures counting, estimating and suggesting in memory, then runs over ten million matches in both warehouses: just bench-model --rounds 1
bench-model *ARGS:
    cargo build --release -p model-service -p model-benchmarks -p clickhouse-test-kit
    target/release/bench-model
    cargo bench -p model-benchmarks --bench runs -- {{ARGS}}

# Measures refreshing sessions at a rate on a PostgreSQL that syncs, beside the transaction alone; start and idle memory: just bench-accounts --rounds 1
bench-accounts *ARGS:
    cargo build --release -p auth-service -p user-service -p auth-benchmarks
    target/release/bench-accounts {{ARGS}}

# Scores so many accounts in a round, within bounds of memory: just accounts 100000
accounts ACCOUNTS="100000":
    ROUND_ACCOUNTS={{trim_start_match(ACCOUNTS, "ACCOUNTS=")}} \
        cargo test -p model-application --test running --locked accounts_go_page_by_page -- --nocapture

# Judges estimates of matches, and of accounts, by a generator with known truth and its reference; needs numpy: just accept-model FILE.py
accept-model GENERATOR *ARGS:
    cargo build --profile release-quick -p model-service --locked
    python3 .ci/accept_model.py {{GENERATOR}} --binary target/release-quick/model-service {{ARGS}}

# Draws the plots of docs/model anew; look at them before you commit them.
plots:
    UPDATE_PLOTS=1 cargo test -p model-application --test known_truth --locked plots

# Sweeps more seeds of the simulation than CI does.
soak SEEDS="20000" FIRST="1000":
    #!/usr/bin/env bash
    set -euo pipefail
    # A simulated death leaves memory behind: no process runs more than 2,500.
    end=$(({{trim_start_match(FIRST, "FIRST=")}} + {{trim_start_match(SEEDS, "SEEDS=")}}))
    for ((first = {{trim_start_match(FIRST, "FIRST=")}}; first < end; first += 2500)); do
        SIMULATION_FIRST_SEED=$first SIMULATION_SEEDS=$((end - first < 2500 ? end - first : 2500)) \
            cargo test --release -p ingestion-simulation --locked no_schedule -- --nocapture
    done

# Sweeps more seeds of the simulation of loading than CI does.
soak-etl SEEDS="20000" FIRST="1000":
    SIMULATION_SEEDS={{SEEDS}} SIMULATION_FIRST_SEED={{FIRST}} cargo test --release -p etl-simulation --locked no_schedule -- --nocapture

# Fuzzes frame, journal or settings, with cargo-fuzz of a pinned version: just fuzz journal 600
fuzz TARGET SECONDS="600":
    cargo install --quiet --locked cargo-fuzz@0.13.2
    mkdir -p target/fuzz-corpus/{{trim_start_match(TARGET, "TARGET=")}}
    RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_leaks=0 cargo fuzz run --fuzz-dir crates/fuzz --target-dir target/fuzz \
        {{trim_start_match(TARGET, "TARGET=")}} target/fuzz-corpus/{{trim_start_match(TARGET, "TARGET=")}} \
        crates/fuzz/corpus/{{trim_start_match(TARGET, "TARGET=")}} -- \
        -max_total_time={{trim_start_match(SECONDS, "SECONDS=")}} -rss_limit_mb=512 -timeout=5 -print_final_stats=1

# Measures what the journal costs an entry, beside redb.
bench-journal:
    cargo bench -p ingestion-benchmarks --bench journal

# Builds the container image of a service; needs Docker: just image etl-service 8001
image SERVICE="ingestion-service" PORT="8000":
    docker build -f deploy/docker/Dockerfile --build-arg SERVICE={{SERVICE}} --build-arg PORT={{PORT}} \
        --build-arg GIT_COMMIT="$(git rev-parse --short=12 HEAD)" -t {{SERVICE}} .

# Starts Kafka, ClickHouse and the services in containers; needs Docker.
up:
    docker compose -f deploy/compose.yaml up --build

# Checks the Dockerfile and the compose file; needs Python, not Docker.
deploy-check:
    .ci/check-deploy
