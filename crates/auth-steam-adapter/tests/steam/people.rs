//! What people are called.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use auth_application::ports::PersonLookup as _;
use auth_steam_adapter::SteamPeople;
use secrecy::SecretString;
use steam_client::SteamSettings;
use steam_simulator::{Mode, Person};
use test_kit::clock::StoppedClock;

use crate::world::{NOW, PERSON, World};

fn people(world: &World, key: Option<&str>) -> Result<Option<SteamPeople>> {
    let settings = SteamSettings {
        url: world.steam.origin().to_owned(),
        keys: key.map(SecretString::from).into_iter().collect(),
        call_time_max: SteamSettings::CALL_TIME_MAX,
    };
    let clock = Arc::new(StoppedClock(NOW));
    SteamPeople::try_new("tests/1", settings, clock, 7).map_err(anyhow::Error::msg)
}

#[tokio::test]
async fn whoever_is_known_is_shown_as_far_as_it_can_be() -> Result<()> {
    let world = World::new(Mode::Honest).await?;
    let people = people(&world, Some("k y&z"))?.context("there is a key")?;
    let id = PERSON.parse()?;
    let fault = people.look_up(id).await.err().context("nobody is known")?;
    ensure!(fault.to_string().contains("nobody of this id"), "{fault}");
    for (name, picture, shown) in [
        (
            "Puppey \"<\u{1f600}",
            "https://avatars.example/a.jpg",
            (true, true),
        ),
        ("a\u{7}b", "https://avatars.example/a.jpg", (false, true)),
        ("Puppey", "javascript:alert(1)", (true, false)),
        (
            &"x".repeat(65),
            "http://avatars.example/a.jpg",
            (false, false),
        ),
        ("", "", (false, false)),
    ] {
        let person = Person {
            name: name.to_owned(),
            picture: picture.to_owned(),
        };
        world.steam.call(id, person);
        let profile = people.look_up(id).await?;
        ensure!(
            (profile.name.is_some(), profile.picture.is_some()) == shown,
            "{profile:?}"
        );
        ensure!(profile.name.is_none_or(|shown| shown.as_str() == name));
    }
    let counts = world.steam.counts();
    ensure!((counts.summaries, counts.others) == (6, 0), "{counts:?}");
    Ok(())
}

#[tokio::test]
async fn without_a_key_nobody_asks() -> Result<()> {
    let world = World::new(Mode::Honest).await?;
    ensure!(people(&world, None)?.is_none());
    ensure!(world.steam.counts().summaries == 0);
    Ok(())
}
