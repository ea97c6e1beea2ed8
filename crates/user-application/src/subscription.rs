//! What somebody has bought. Users cannot write it.

use domain::Timestamp;
use jiff::Timestamp as Time;
use serde_json::{Map, Value, json};

use crate::{
    document::time,
    fault::{Fault, Faults, member},
    version::Version,
};

const STATUS_LENGTH_MAX: usize = 32;
const SOURCE_LENGTH_MAX: usize = 64;

/// What there is to buy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Nothing was bought.
    Free,
    /// The smaller one.
    Plus,
    /// The larger one.
    Pro,
}

/// What somebody has bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Which plan.
    pub plan: Plan,
    /// How it stands, in a word of whoever takes the money, such as `active` or `past_due`.
    pub status: String,
    /// Until when it is paid for.
    pub current_period_end: Option<Timestamp>,
    /// Who says so.
    pub source: Option<String>,
}

/// A subscription, and the state of the profile that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionState {
    /// What was bought.
    pub subscription: Subscription,
    /// The state of the profile.
    pub version: Version,
}

impl Plan {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Free, Self::Plus, Self::Pro];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Plus => "plus",
            Self::Pro => "pro",
        }
    }

    /// The plan of this word.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.name() == name)
    }
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            plan: Plan::Free,
            status: "active".to_owned(),
            current_period_end: None,
            source: None,
        }
    }
}

impl Subscription {
    /// As it stands in a profile.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "plan": self.plan.name(),
            "status": self.status,
            "current_period_end": self.current_period_end.map(time),
            "source": self.source,
        })
    }

    /// Reads one: `plan`, and what else is known of it.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn try_read(document: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let mut read = Self::default();
        let none = Map::new();
        let members = document.as_object().unwrap_or_else(|| {
            faults.add("", "wrong_type", "an object with `plan`");
            &none
        });
        if document.is_object() && !members.contains_key("plan") {
            faults.add("/plan", "required", "free, plus or pro");
        }
        for (name, value) in members {
            let pointer = member("", name);
            let text = value.as_str();
            match name.as_str() {
                "plan" => match text.and_then(Plan::named) {
                    Some(plan) => read.plan = plan,
                    None => faults.add(pointer, "not_allowed", "free, plus or pro"),
                },
                "status" => match text.filter(|text| is_status(text)) {
                    Some(status) => status.clone_into(&mut read.status),
                    None => faults.add(
                        pointer,
                        "not_allowed",
                        "a word of 1 to 32 small letters, digits and underscores, such as active",
                    ),
                },
                "current_period_end" => match (value, text.and_then(parse_time)) {
                    (Value::Null, _) => {}
                    (_, Some(at)) => read.current_period_end = Some(at),
                    _ => faults.add(pointer, "not_allowed", "a time of RFC 3339, or null"),
                },
                "source" => match (value, text.filter(|text| is_source(text))) {
                    (Value::Null, _) => {}
                    (_, Some(source)) => read.source = Some(source.to_owned()),
                    _ => faults.add(
                        pointer,
                        "not_allowed",
                        "1 to 64 printable ASCII characters, or null",
                    ),
                },
                _ => faults.add(
                    pointer,
                    "unknown",
                    "there are plan, status, current_period_end and source",
                ),
            }
        }
        faults.conclude(read)
    }
}

impl SubscriptionState {
    /// As it is remembered, and answered.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = self.subscription.document();
        document["version"] = self.version.get().into();
        document
    }

    /// What [`document`](Self::document) has written; none if it is something else.
    #[must_use]
    pub fn restored(document: &Value) -> Option<Self> {
        let mut members = document.as_object()?.clone();
        let version = Version::new(members.remove("version")?.as_i64()?);
        let subscription = Subscription::try_read(&Value::Object(members)).ok()?;
        Some(Self {
            subscription,
            version,
        })
    }
}

fn is_status(text: &str) -> bool {
    (1..=STATUS_LENGTH_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_source(text: &str) -> bool {
    (1..=SOURCE_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let at: Time = text.parse().ok()?;
    Some(Timestamp::from_unix_ms(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(document: &Value) -> Vec<String> {
        let faults = Subscription::try_read(document).expect_err("it is wrong");
        faults
            .into_iter()
            .map(|fault| format!("{} {}", fault.pointer, fault.code))
            .collect()
    }

    #[test]
    fn a_subscription_is_read_or_all_that_is_wrong_is_said() {
        let whole = json!({"plan": "pro", "status": "past_due", "current_period_end": "2026-12-01T00:00:00+02:00",
            "source": "a shop"});
        let read = Subscription::try_read(&whole).expect("it is right");
        assert_eq!(read.plan, Plan::Pro);
        assert_eq!(
            read.document()["current_period_end"],
            "2026-11-30T22:00:00.000Z"
        );
        let again = Subscription::try_read(&read.document());
        assert_eq!(again.as_ref(), Ok(&read));
        let least = Subscription::try_read(&json!({"plan": "free"}));
        assert_eq!(least, Ok(Subscription::default()));

        assert_eq!(pointers(&json!([])), [" wrong_type"]);
        assert_eq!(pointers(&json!({})), ["/plan required"]);
        assert_eq!(
            pointers(
                &json!({"plan": "gold", "status": "Active", "current_period_end": "soon", "source": "",
                "price": 1})
            ),
            [
                "/current_period_end not_allowed",
                "/plan not_allowed",
                "/price unknown",
                "/source not_allowed",
                "/status not_allowed"
            ]
        );
    }

    #[test]
    fn what_was_answered_is_remembered() {
        let state = SubscriptionState {
            subscription: Subscription::default(),
            version: Version::new(7),
        };
        assert_eq!(SubscriptionState::restored(&state.document()), Some(state));
        assert_eq!(SubscriptionState::restored(&json!({"plan": "pro"})), None);
    }
}
