//! Which of our crates may name which, judged by their names alone.
//!
//! Four sentences hold between services and technologies whatever the crates
//! do; what is left is the hexagon, a line for each role.

use super::shape::{Role, Shape};

/// Kits that every crate with a life of its own may name: how it is, and how
/// it is set and told to end.
const BASE_KITS: &[&str] = &["health-kit", "service-kit"];

/// The kit of a technology, where the kit has another name: one kit speaks
/// SQL to both databases, and every HTTP API of others is called by one client.
const KIT_OF: &[(&str, &str)] = &[
    ("auth", "client-kit"),
    ("clickhouse", "warehouse-kit"),
    ("draft", "client-kit"),
    ("graphql", "http-kit"),
    ("ledger", "sql-kit"),
    ("metrica", "client-kit"),
    ("opendota", "client-kit"),
    ("openlineage", "client-kit"),
    ("postgres", "sql-kit"),
    ("sqlite", "sql-kit"),
    ("statsbomb", "client-kit"),
    ("steam", "client-kit"),
    ("token", "auth-kit"),
    ("user", "client-kit"),
    ("websocket", "http-kit"),
];

/// What is wrong with one of our crates naming another, and what to do.
pub(super) type Refusal = (&'static str, &'static str);

const ONE_OWNER: Refusal = (
    "a crate of one owner names no crate of another",
    "what two services need goes into a kit, what they tell each other into contracts",
);
const NO_SECOND_ADAPTER: Refusal = (
    "an adapter names no adapter",
    "go through a port of the application, and wire the two in the service",
);
const KIT_WITHOUT_SERVICE: Refusal = (
    "a kit names no application, adapter or service",
    "let the service pass in what the kit needs, as a value or a trait of the kit",
);
const MEET_IN_CONTRACTS: Refusal = (
    "services meet in contracts, in HTTP, and nowhere else",
    "put what they tell each other into contracts, and wire a service in its own crate",
);
const WRONG_WAY: Refusal = (
    "its role must not see it",
    "go through a port of the application or wire the two in the service; \
     a new arrow is a decision to record, and a change of crates/workspace-rules/src/layers",
);

/// Judges an arrow; `None` is a permit.
pub(super) fn refuse(from: &Shape<'_>, to: &Shape<'_>) -> Option<Refusal> {
    if is_named_exception(from, to) {
        None
    } else if from.owner.is_some() && to.owner.is_some() && from.owner != to.owner {
        Some(ONE_OWNER)
    } else if from.is_adapter() && to.is_adapter() {
        Some(NO_SECOND_ADAPTER)
    } else if matches!(from.role, Role::Kit | Role::Client | Role::TestKit) && knows_a_service(to) {
        Some(KIT_WITHOUT_SERVICE)
    } else if is_back_door(from, to) {
        Some(MEET_IN_CONTRACTS)
    } else {
        (!is_inward(from, to)).then_some(WRONG_WAY)
    }
}

/// The arrows between owners that are meant: pure functions which two share,
/// and a verifier that is of one mind with its issuer, in the words of both.
fn is_named_exception(from: &Shape<'_>, to: &Shape<'_>) -> bool {
    match from.name {
        "gateway-application" => to.name == "model-application",
        "auth-kit" => {
            ["domain", "identity", "http-kit", "redis-kit", "client-kit"].contains(&to.name)
        }
        _ => false,
    }
}

fn knows_a_service(to: &Shape<'_>) -> bool {
    to.owner.is_some() || to.role == Role::Platform
}

/// Ways for two services to meet where nobody looks: a crate of no owner that
/// knows one, or a binary that is used as a library.
fn is_back_door(from: &Shape<'_>, to: &Shape<'_>) -> bool {
    let meets = matches!(from.role, Role::Platform | Role::Rules);
    let measures = from.role == Role::Benchmarks && to.is_of_owner_of(from);
    match to.role {
        Role::Service | Role::Platform => !meets && !measures,
        _ => from.owner.is_none() && !meets && knows_a_service(to),
    }
}

/// The hexagon: what each role may see, beside what the sentences refuse.
fn is_inward(from: &Shape<'_>, to: &Shape<'_>) -> bool {
    use Role::{
        Adapter, Api, Application, Benchmarks, Client, Commands, Contracts, Demo, Domain, Kit,
        Platform, Rules, Service, Simulation, Simulator, TestKit, TestSupport,
    };
    let shared = to.name == "domain";
    let own = to.is_of_owner_of(from);
    let own_core = own && matches!(to.role, Domain | Application);
    let base = BASE_KITS.contains(&to.name);
    let is_kit = matches!(to.role, Kit | Client);
    // What a binary puts together.
    let parts = shared || is_kit || to.role == Contracts || own && (own_core || to.is_adapter());

    match from.role {
        Rules => false,
        Domain | Contracts => shared && from.name != "domain",
        Kit if BASE_KITS.contains(&from.name) => shared,
        Kit => base,
        Client => base || shared || to.name == "client-kit",
        Application => shared || own && to.role == Domain || to.name == "health-kit",
        Adapter | Api => {
            shared || own_core || to.role == Contracts || base || speaks_its_technology(from, to)
        }
        Commands => parts,
        Demo => parts || to.role == Simulator || own && to.role == Commands,
        Service => parts || to.role == Simulator || own && matches!(to.role, Commands | Demo),
        Platform => !to.is_for_tests(),
        Simulator => shared || is_kit || to.role == Contracts,
        // It is part of every test, so it compiles in seconds.
        TestKit if from.technology.is_none() => shared || base,
        TestKit => shared || base || speaks_its_technology(from, to) || to.name == "test-kit",
        TestSupport => parts || matches!(to.role, Simulator | TestKit),
        Simulation => {
            parts || matches!(to.role, Simulator | TestKit) || own && to.role == TestSupport
        }
        Benchmarks => parts || own || matches!(to.role, Simulator | TestKit),
    }
}

/// Whether `to` is the kit or client of the technology that `from` speaks.
fn speaks_its_technology(from: &Shape<'_>, to: &Shape<'_>) -> bool {
    let Some(technology) = from.technology else {
        return false;
    };
    let by_name = matches!(to.role, Role::Kit | Role::Client) && to.technology == Some(technology);
    by_name
        || KIT_OF.contains(&(technology, to.name))
        || from.role == Role::Api && to.name == "auth-kit"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(name: &str) -> Shape<'_> {
        Shape::of(name).unwrap_or_else(|| panic!("{name} has a shape"))
    }

    fn permits(from: &str, names: &[&str]) {
        for to in names {
            let refusal = refuse(&shape(from), &shape(to));
            assert_eq!(refusal, None, "{from} -> {to}");
        }
    }

    fn refuses(from: &str, names: &[&str], expected: Refusal) {
        for to in names {
            let refusal = refuse(&shape(from), &shape(to));
            assert_eq!(refusal, Some(expected), "{from} -> {to}");
        }
    }

    #[test]
    fn a_crate_of_one_owner_names_no_crate_of_another() {
        refuses(
            "etl-application",
            &["ingestion-application", "football-domain"],
            ONE_OWNER,
        );
        refuses(
            "etl-kafka-adapter",
            &["ingestion-kafka-adapter", "identity"],
            ONE_OWNER,
        );
        refuses(
            "etl-service",
            &["ingestion-service", "model-http-api"],
            ONE_OWNER,
        );
        refuses(
            "user-test-support",
            &["auth-test-support", "auth-application"],
            ONE_OWNER,
        );
        refuses("etl-benchmarks", &["ingestion-service"], ONE_OWNER);
        refuses("model-application", &["gateway-application"], ONE_OWNER);
        refuses("gateway-graphql", &["model-application"], ONE_OWNER);

        permits("gateway-application", &["model-application"]);
        permits("auth-token-adapter", &["identity"]);
        permits(
            "platform",
            &["ingestion-service", "etl-service", "model-sqlite-adapter"],
        );
    }

    #[test]
    fn an_adapter_names_no_adapter() {
        refuses(
            "etl-kafka-adapter",
            &["etl-clickhouse-adapter", "etl-http-api"],
            NO_SECOND_ADAPTER,
        );
        refuses("etl-http-api", &["etl-kafka-adapter"], NO_SECOND_ADAPTER);
        refuses(
            "gateway-graphql",
            &["gateway-redis-adapter"],
            NO_SECOND_ADAPTER,
        );
        permits(
            "etl-service",
            &[
                "etl-kafka-adapter",
                "etl-clickhouse-adapter",
                "etl-http-api",
            ],
        );
    }

    #[test]
    fn a_kit_names_no_application_adapter_or_service() {
        for kit in [
            "sql-kit",
            "health-kit",
            "opendota-client",
            "kafka-test-kit",
            "test-kit",
        ] {
            let crates = [
                "etl-application",
                "etl-kafka-adapter",
                "etl-http-api",
                "etl-service",
            ];
            refuses(kit, &crates, KIT_WITHOUT_SERVICE);
            refuses(
                kit,
                &["identity", "platform", "etl-test-support"],
                KIT_WITHOUT_SERVICE,
            );
        }
        permits("sql-kit", &["health-kit", "service-kit"]);
        permits("opendota-client", &["client-kit", "domain"]);
        permits(
            "auth-kit",
            &[
                "domain",
                "identity",
                "http-kit",
                "redis-kit",
                "client-kit",
                "health-kit",
            ],
        );
        permits("kafka-test-kit", &["kafka-kit", "test-kit"]);
    }

    #[test]
    fn services_meet_in_contracts_and_in_http() {
        for of_nobody in ["contracts", "domain", "feed-simulator"] {
            let crates = [
                "etl-application",
                "etl-kafka-adapter",
                "etl-service",
                "platform",
            ];
            refuses(of_nobody, &crates, MEET_IN_CONTRACTS);
        }
        refuses(
            "etl-http-api",
            &["etl-service", "platform"],
            MEET_IN_CONTRACTS,
        );
        refuses("etl-commands", &["etl-service"], MEET_IN_CONTRACTS);
        refuses("etl-service", &["platform"], MEET_IN_CONTRACTS);
        permits("etl-kafka-adapter", &["contracts"]);
        permits("model-http-api", &["contracts"]);
        permits("etl-benchmarks", &["etl-service"]);
    }

    #[test]
    fn arrows_point_inward() {
        refuses("domain", &["contracts", "health-kit"], WRONG_WAY);
        refuses(
            "football-domain",
            &["football-application", "sql-kit"],
            WRONG_WAY,
        );
        refuses("identity", &["auth-application"], WRONG_WAY);
        refuses("contracts", &["kafka-kit"], WRONG_WAY);
        refuses(
            "etl-application",
            &["contracts", "kafka-kit", "service-kit"],
            WRONG_WAY,
        );
        refuses(
            "etl-application",
            &["etl-kafka-adapter", "etl-commands"],
            WRONG_WAY,
        );
        refuses(
            "etl-kafka-adapter",
            &["etl-commands", "feed-simulator"],
            WRONG_WAY,
        );
        refuses("etl-commands", &["etl-demo", "feed-simulator"], WRONG_WAY);
        permits("etl-application", &["domain", "etl-domain", "health-kit"]);
        permits("identity", &["domain"]);
        permits(
            "etl-commands",
            &["etl-http-api", "kafka-kit", "contracts", "domain"],
        );
        permits(
            "etl-demo",
            &["etl-commands", "steam-simulator", "etl-sqlite-adapter"],
        );
        permits(
            "etl-service",
            &["etl-demo", "etl-commands", "http-kit", "service-kit"],
        );
        permits(
            "platform",
            &["feed-simulator", "http-kit", "contracts", "ingestion-demo"],
        );
    }

    #[test]
    fn a_crate_speaks_one_technology() {
        refuses("http-kit", &["kafka-kit", "contracts", "domain"], WRONG_WAY);
        refuses("service-kit", &["health-kit", "http-kit"], WRONG_WAY);
        refuses(
            "etl-kafka-adapter",
            &["sql-kit", "http-kit", "opendota-client"],
            WRONG_WAY,
        );
        refuses("etl-http-api", &["kafka-kit", "sql-kit"], WRONG_WAY);
        refuses("kafka-test-kit", &["http-kit"], WRONG_WAY);
        refuses("test-kit", &["kafka-kit", "kafka-test-kit"], WRONG_WAY);
        permits(
            "etl-kafka-adapter",
            &["kafka-kit", "health-kit", "service-kit"],
        );
        permits("etl-opendota-adapter", &["opendota-client", "client-kit"]);
        permits("etl-clickhouse-adapter", &["warehouse-kit"]);
        permits("model-ledger-adapter", &["sql-kit"]);
        permits("user-postgres-adapter", &["sql-kit"]);
        permits("model-http-api", &["http-kit", "auth-kit"]);
        permits("gateway-graphql", &["http-kit", "auth-kit"]);
        permits("gateway-user-adapter", &["client-kit"]);
        permits("auth-token-adapter", &["auth-kit", "identity"]);
    }

    #[test]
    fn what_ships_names_nothing_that_is_for_tests() {
        for name in [
            "etl-application",
            "etl-kafka-adapter",
            "etl-demo",
            "etl-service",
            "sql-kit",
        ] {
            refuses(
                name,
                &["test-kit", "kafka-test-kit", "workspace-rules"],
                WRONG_WAY,
            );
        }
        refuses(
            "etl-service",
            &["etl-test-support", "etl-benchmarks"],
            WRONG_WAY,
        );
        refuses("platform", &["etl-test-support", "test-kit"], WRONG_WAY);
        permits(
            "etl-test-support",
            &["test-kit", "kafka-test-kit", "etl-kafka-adapter"],
        );
        permits(
            "etl-simulation",
            &["etl-test-support", "etl-application", "feed-simulator"],
        );
        permits(
            "etl-benchmarks",
            &["etl-test-support", "etl-kafka-adapter", "kafka-test-kit"],
        );
    }
}
