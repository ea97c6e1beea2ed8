//! The settings of those who sign tokens, as a part of the section `[auth]`.

use std::time::Duration;

use auth_application::KeySchedule;
use identity::Algorithm;
use service_kit::config::{
    Broken, Declaration, DurationBetween, MASK, OneOf, Section, Setting, SettingsReader, Unset,
    ValueParser,
};

use crate::encryption_key::EncryptionKey;

const DAY: Duration = Duration::from_hours(24);

/// How tokens are signed.
#[derive(Debug, Clone)]
pub struct SigningSettings {
    /// When keys follow each other, and how they sign.
    pub schedule: KeySchedule,
    /// What private keys are sealed with.
    pub encryption_key: EncryptionKey,
}

/// The settings that fill [`SigningSettings`].
pub struct SigningSection {
    algorithm: Setting<OneOf<Algorithm>>,
    encryption_key: Setting<Sealing, Unset>,
    rotation: Setting<DurationBetween>,
    publish_ahead: Setting<DurationBetween>,
}

impl SigningSection {
    /// Keys that sign for a month each.
    pub const DEFAULT: Self = Self {
        algorithm: Setting {
            variable: "AUTH_SIGNING_ALGORITHM",
            default: "ES256",
            help: "How access tokens are signed; keys of another algorithm are followed soon",
            parser: OneOf(&[
                ("ES256", Algorithm::Es256),
                ("EdDSA", Algorithm::EdDsa),
                ("RS256", Algorithm::Rs256),
            ]),
        },
        encryption_key: Setting {
            variable: "AUTH_KEY_ENCRYPTION_KEY",
            default: Unset("(none, required)"),
            help: "What the private keys in the database are sealed with; all instances have the \
                   same one",
            parser: Sealing,
        },
        rotation: Setting {
            variable: "AUTH_KEY_ROTATION",
            default: "30d",
            help: "How long a key signs until another one does",
            parser: DurationBetween {
                min: Duration::from_hours(1),
                max: DAY.saturating_mul(400),
            },
        },
        publish_ahead: Setting {
            variable: "AUTH_KEY_PUBLISH_AHEAD",
            default: "1h",
            help: "How long before it signs a key is published; longer than anybody keeps the set \
                   of keys",
            parser: DurationBetween {
                min: Duration::from_mins(1),
                max: DAY.saturating_mul(30),
            },
        },
    };

    /// What is in force; `None` if it is refused, as the reader says at its end.
    pub fn read(&self, reader: &mut SettingsReader) -> Option<SigningSettings> {
        let algorithm = reader.get(&self.algorithm);
        let encryption_key = reader.get_optional(&self.encryption_key);
        if encryption_key.is_none() {
            let reason = "without it private keys could not be kept: openssl rand -base64 32 \
                          makes one";
            reader.refuse(&self.encryption_key, reason);
        }
        let (rotation, publish_ahead) =
            (reader.get(&self.rotation), reader.get(&self.publish_ahead));
        let schedule = KeySchedule::try_new(algorithm, rotation, publish_ahead);
        let broken = schedule.as_ref().err();
        reader.refuse_all(broken.map(|_| {
            let reason = "a key would be published before the one before it signs: shorter than \
                          AUTH_KEY_ROTATION";
            Broken::new("AUTH_KEY_PUBLISH_AHEAD", reason)
        }));
        Some(SigningSettings {
            schedule: schedule.ok()?,
            encryption_key: encryption_key?,
        })
    }
}

impl Section for SigningSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![
            &self.algorithm,
            &self.encryption_key,
            &self.rotation,
            &self.publish_ahead,
        ]
    }
}

struct Sealing;

impl ValueParser for Sealing {
    type Value = EncryptionKey;

    fn parse(&self, text: &str) -> Result<EncryptionKey, String> {
        EncryptionKey::try_read(text).map_err(|fault| fault.to_string())
    }

    fn allowed(&self) -> String {
        "32 random bytes in base64, 44 characters".to_owned()
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, _text: &str) -> String {
        MASK.to_owned()
    }
}
