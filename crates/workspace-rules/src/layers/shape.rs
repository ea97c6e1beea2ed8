//! What a crate's name says: whose it is, what part it has, and which technology.
//!
//! A name is `<owner>-<role>`, with the technology before the role of an
//! adapter. A crate without an owner belongs to all of them and knows none.

/// A crate as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape<'a> {
    /// The whole name.
    pub name: &'a str,
    /// The service it belongs to, if any.
    pub owner: Option<&'a str>,
    /// Its part in the hexagon, or beside it.
    pub role: Role,
    /// What a kit, client, adapter, API or test kit speaks to: `kafka`, `http`.
    pub technology: Option<&'a str>,
}

/// The part of a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Vocabulary and rules: `domain`, `<owner>-domain`, and auth's `identity`.
    Domain,
    /// What services tell each other.
    Contracts,
    /// One technology, for every service: `<technology>-kit`.
    Kit,
    /// An HTTP API of others, for every service: `<upstream>-client`.
    Client,
    /// Use cases and their ports.
    Application,
    /// Ports met by one technology: `<owner>-<technology>-adapter`.
    Adapter,
    /// An adapter for those who ask: `-http-api`, `-graphql`, `-websocket-api`.
    Api,
    /// Commands of a binary beside `run`.
    Commands,
    /// The whole product on one machine.
    Demo,
    /// A binary that puts the crates of its owner together.
    Service,
    /// All services in one process.
    Platform,
    /// An upstream that can be hurt: `<upstream>-simulator`. Ships in demos.
    Simulator,
    /// What tests of many crates use: `test-kit`, `<technology>-test-kit`.
    TestKit,
    /// What tests of one owner use.
    TestSupport,
    /// A whole service on simulated time, network and disk.
    Simulation,
    /// What a service costs.
    Benchmarks,
    /// The crate you are reading.
    Rules,
}

/// Whole names, for the few crates that are one of a kind.
const NAMES: &[(&str, Option<&str>, Role)] = &[
    ("domain", None, Role::Domain),
    ("contracts", None, Role::Contracts),
    ("identity", Some("auth"), Role::Domain),
    ("platform", None, Role::Platform),
    ("test-kit", None, Role::TestKit),
    ("workspace-rules", None, Role::Rules),
];

/// Ends of the names of crates that belong to nobody; before them the technology.
/// The longer end comes first.
const WITHOUT_OWNER: &[(&str, Role)] = &[
    ("-test-kit", Role::TestKit),
    ("-kit", Role::Kit),
    ("-client", Role::Client),
    ("-simulator", Role::Simulator),
];

/// Ends of the names of all others; before them the owner, one word, and
/// between the two what an adapter speaks to.
const WITH_OWNER: &[(&str, Role)] = &[
    ("-domain", Role::Domain),
    ("-application", Role::Application),
    ("-adapter", Role::Adapter),
    ("-http-api", Role::Api),
    ("-websocket-api", Role::Api),
    ("-graphql", Role::Api),
    ("-commands", Role::Commands),
    ("-demo", Role::Demo),
    ("-service", Role::Service),
    ("-test-support", Role::TestSupport),
    ("-simulation", Role::Simulation),
    ("-benchmarks", Role::Benchmarks),
];

impl<'a> Shape<'a> {
    /// Takes a name apart; `None` if it does not say owner and role.
    #[must_use]
    pub fn of(name: &'a str) -> Option<Self> {
        if let Some((_, owner, role)) = NAMES.iter().find(|(whole, ..)| *whole == name) {
            return Some(Self {
                name,
                owner: *owner,
                role: *role,
                technology: None,
            });
        }
        if let Some((technology, role)) = split(name, WITHOUT_OWNER) {
            return Some(Self {
                name,
                owner: None,
                role,
                technology: Some(technology),
            });
        }
        let (rest, role) = split(name, WITH_OWNER)?;
        let (owner, technology) = match role {
            Role::Adapter => rest.split_once('-').map(|(owner, it)| (owner, Some(it)))?,
            Role::Api => {
                let end = &name[rest.len() + 1..];
                (rest, end.split('-').next())
            }
            _ => (rest, None),
        };
        let is_one_word = !owner.is_empty() && !owner.contains('-');
        is_one_word.then_some(Self {
            name,
            owner: Some(owner),
            role,
            technology,
        })
    }

    /// Whether it speaks to the world for its owner: a way in, or a way out.
    #[must_use]
    pub fn is_adapter(&self) -> bool {
        matches!(self.role, Role::Adapter | Role::Api)
    }

    /// Whether it only ever helps tests and measurements.
    #[must_use]
    pub fn is_for_tests(&self) -> bool {
        use Role::{Benchmarks, Rules, Simulation, TestKit, TestSupport};
        matches!(
            self.role,
            TestKit | TestSupport | Simulation | Benchmarks | Rules
        )
    }

    /// Whether it is of the same service, whichever part of it.
    #[must_use]
    pub fn is_of_owner_of(&self, other: &Self) -> bool {
        self.owner.is_some() && self.owner == other.owner
    }
}

fn split<'a>(name: &'a str, ends: &[(&str, Role)]) -> Option<(&'a str, Role)> {
    ends.iter().find_map(|(end, role)| {
        let rest = name.strip_suffix(end)?;
        (!rest.is_empty()).then_some((rest, *role))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_owner_role_and_technology() {
        let check = |name, owner, role, technology| {
            let expected = Shape {
                name,
                owner,
                role,
                technology,
            };
            assert_eq!(Shape::of(name), Some(expected));
        };
        check("domain", None, Role::Domain, None);
        check("contracts", None, Role::Contracts, None);
        check("platform", None, Role::Platform, None);
        check("workspace-rules", None, Role::Rules, None);
        check("identity", Some("auth"), Role::Domain, None);
        check("draft-domain", Some("draft"), Role::Domain, None);

        check("sql-kit", None, Role::Kit, Some("sql"));
        check("auth-kit", None, Role::Kit, Some("auth"));
        check("opendota-client", None, Role::Client, Some("opendota"));
        check("steam-simulator", None, Role::Simulator, Some("steam"));
        check("test-kit", None, Role::TestKit, None);
        check("kafka-test-kit", None, Role::TestKit, Some("kafka"));

        check("etl-application", Some("etl"), Role::Application, None);
        check(
            "etl-kafka-adapter",
            Some("etl"),
            Role::Adapter,
            Some("kafka"),
        );
        check("model-http-api", Some("model"), Role::Api, Some("http"));
        check(
            "gateway-graphql",
            Some("gateway"),
            Role::Api,
            Some("graphql"),
        );
        check(
            "draft-websocket-api",
            Some("draft"),
            Role::Api,
            Some("websocket"),
        );
        check("user-service", Some("user"), Role::Service, None);
        check("etl-commands", Some("etl"), Role::Commands, None);
        check("ingestion-demo", Some("ingestion"), Role::Demo, None);
        check("etl-test-support", Some("etl"), Role::TestSupport, None);
        check("etl-simulation", Some("etl"), Role::Simulation, None);
        check("etl-benchmarks", Some("etl"), Role::Benchmarks, None);
    }

    #[test]
    fn a_name_without_owner_or_role_has_no_shape() {
        for name in [
            "application",
            "kafka-adapter",
            "-kafka-adapter",
            "etl",
            "etl-common",
            "shared",
            "-kit",
            "test-support",
            "match-data-service",
            "service",
        ] {
            assert_eq!(Shape::of(name), None, "{name}");
        }
    }
}
