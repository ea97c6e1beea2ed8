//! Tries what the service needs of Kafka, for whoever wants to know why it does
//! not work.

use kafka_kit::{
    settings::SettingsError,
    trial::{Trial, Tried},
};

use crate::{
    health::{PARTITIONS_OF_LETTERS, PARTITIONS_OF_READ},
    settings::KafkaSettings,
};

/// Asks the brokers that settings name. Changes nothing; every question blocks.
pub struct KafkaTrial {
    trial: Trial,
    settings: KafkaSettings,
}

impl KafkaTrial {
    /// Prepares to ask; nothing is connected.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub fn try_new(settings: &KafkaSettings) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(settings.check())?;
        Ok(Self {
            trial: Trial::try_new(&settings.client, &settings.group_id)?,
            settings: settings.clone(),
        })
    }

    /// Whether the brokers answer at their own addresses.
    ///
    /// # Errors
    /// What is wrong, and what to do about it; so with all others.
    pub fn brokers(&self) -> Tried {
        self.trial.brokers()
    }

    /// Whether a topic is there, and may be read.
    ///
    /// # Errors
    /// See [`brokers`](Self::brokers).
    pub fn may_read(&self, topic: &str) -> Tried {
        let found = self.trial.topic(topic, PARTITIONS_OF_READ)?;
        self.trial.may_read(topic)?;
        Ok(format!("{found}; it may be read"))
    }

    /// Whether the topic of dead letters is there, and may be written.
    ///
    /// # Errors
    /// See [`brokers`](Self::brokers).
    pub fn may_set_aside(&self) -> Tried {
        let topic = &self.settings.dead_letter_topic;
        let found = self.trial.topic(topic, PARTITIONS_OF_LETTERS)?;
        let config = self.settings.producer_config();
        let written = self.trial.may_write(topic, &config)?;
        Ok(format!("{found}; {written}"))
    }

    /// Whether the group may be used.
    ///
    /// # Errors
    /// See [`brokers`](Self::brokers).
    pub fn group(&self) -> Tried {
        let topics = self.settings.topics();
        self.trial.group(&self.settings.group_id, topics)
    }
}
