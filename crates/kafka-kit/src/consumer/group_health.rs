//! How a member is, in words that say what to do.

use std::{collections::BTreeMap, sync::Arc};

use health_kit::{Clock, Condition, HealthCheck, HealthStatus};

use super::GroupStatus;

/// The check of a member's partitions.
pub struct GroupHealth {
    group_id: String,
    condition: Condition,
}

impl GroupHealth {
    /// The check `name` of a member that has not joined yet.
    #[must_use]
    pub fn new(name: &'static str, group_id: &str, clock: &Arc<dyn Clock>) -> Self {
        let reason = format!("the group {group_id} has not been joined yet");
        Self {
            group_id: group_id.to_owned(),
            condition: Condition::new(name, HealthStatus::Unhealthy, reason, Arc::clone(clock)),
        }
    }

    /// The check, as it is known now.
    #[must_use]
    pub fn check(&self) -> HealthCheck {
        self.condition.check()
    }

    /// Judges by the status of the member.
    pub fn judge(&self, status: &GroupStatus) {
        let (status, reason) = self.assess(status);
        self.condition.set_and_log(status, reason);
    }

    fn assess(&self, status: &GroupStatus) -> (HealthStatus, String) {
        let group = &self.group_id;
        if let Some(trouble) = &status.trouble {
            let reason = format!(
                "the brokers do not let this member read: {trouble}; allow this user Read on \
                 its topics and on the group {group}"
            );
            return (HealthStatus::Unhealthy, reason);
        }
        if !status.has_joined {
            let reason = format!(
                "the group {group} has not been joined yet: it waits for its topics and its \
                 coordinator"
            );
            return (HealthStatus::Unhealthy, reason);
        }
        if let Some(trouble) = &status.commit_trouble {
            let reason = format!(
                "positions of the group {group} are not committed: {trouble}; after a restart \
                 records are read again"
            );
            return (HealthStatus::Degraded, reason);
        }
        if status.partitions.is_empty() {
            let reason = format!("the other members of the group {group} have all partitions");
            return (HealthStatus::Healthy, reason);
        }
        let mut counts = BTreeMap::new();
        for partition in status.partitions.keys() {
            *counts.entry(&partition.topic).or_insert(0) += 1;
        }
        let counts: Vec<_> = counts
            .into_iter()
            .map(|(topic, count): (_, usize)| format!("{count} of {topic}"))
            .collect();
        let paused = if status.is_paused {
            "; they are paused until records are taken"
        } else {
            ""
        };
        let reason = format!(
            "as a member of the group {group} it has {}{paused}",
            counts.join(" and ")
        );
        (HealthStatus::Healthy, reason)
    }
}

#[cfg(test)]
mod tests {
    use HealthStatus::{Degraded, Healthy, Unhealthy};
    use health_kit::SystemClock;

    use super::*;
    use crate::consumer::{PartitionStatus, TopicPartition};

    #[test]
    fn it_says_what_the_member_has_and_what_is_in_its_way() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let health = GroupHealth::new("partitions", "loaders", &clock);
        let check = |change: &dyn Fn(&mut GroupStatus), status, expected: &str| {
            let mut member = GroupStatus {
                has_joined: true,
                ..GroupStatus::default()
            };
            change(&mut member);
            health.judge(&member);
            let check = health.check();
            assert_eq!(check.status, status, "{}", check.reason);
            assert!(check.reason.contains(expected), "{}", check.reason);
        };
        check(&|m| m.has_joined = false, Unhealthy, "not been joined");
        check(&|_| {}, Healthy, "other members");
        let refused = |m: &mut GroupStatus| m.trouble = Some("Broker: no".to_owned());
        check(&refused, Unhealthy, "allow this user Read");
        let uncommitted = |m: &mut GroupStatus| m.commit_trouble = Some("away".to_owned());
        check(&uncommitted, Degraded, "read again");
        let some = |m: &mut GroupStatus| {
            for (topic, partition) in [("a", 0), ("a", 1), ("b", 0)] {
                let topic = Arc::from(topic);
                let one = TopicPartition { topic, partition };
                m.partitions.insert(one, PartitionStatus::default());
            }
            m.is_paused = true;
        };
        check(&some, Healthy, "2 of a and 1 of b; they are paused");
    }
}
