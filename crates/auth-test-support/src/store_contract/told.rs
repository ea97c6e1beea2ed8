//! What is set down.

use anyhow::{Result, ensure};
use auth_application::{AuditEntry, AuditEvent, ports::Which};
use identity::EndReason;

use super::world::{BEGIN, World, after, caller, client, person, same};

pub(super) async fn everything_that_matters_is_set_down(world: &World) -> Result<()> {
    let own = AuditEntry {
        address: caller().address,
        ..AuditEntry::new(BEGIN, AuditEvent::LoginUnavailable)
    };
    let own = own
        .because("steam_unavailable")
        .with("other", "\"quoted\" \u{1F600}".to_owned());
    world.stores.audit.append(&own).await?;
    let begun = world.begin_session(person(1), after(1)).await?;
    let next = world.refresh(begun.token, after(2)).await?;
    let again = world.refresh(begun.token, after(3)).await?;
    world.refused(world.digest(), after(4)).await?;
    world.refused(next, after(5)).await?;
    world.refused(again, after(6)).await?;
    let which = Which::AllOf(begun.session.user);
    ensure!(
        world
            .end(which, EndReason::Admin, after(7))
            .await?
            .is_empty()
    );

    let audit = world.subject.audit().await?;
    let events: Vec<_> = audit.iter().map(|entry| entry.event.as_str()).collect();
    let expected = [
        "login_unavailable",
        "login",
        "session_begun",
        "refreshed",
        "refreshed",
        "refresh_refused",
        "refresh_refused",
        "session_ended",
        "refresh_refused",
    ];
    same(&events, &expected.to_vec())?;
    let detail = |at: usize, name: &str| audit[at].detail.get(name).map(String::as_str);
    same(&detail(0, "reason"), &Some("steam_unavailable"))?;
    same(&detail(0, "other"), &Some("\"quoted\" \u{1F600}"))?;
    same(&detail(1, "scope"), &Some("profile:read draft:read"))?;
    same(&detail(3, "again"), &None)?;
    same(&detail(4, "again"), &Some("true"))?;
    same(&detail(5, "reason"), &Some("refresh_unknown"))?;
    same(&detail(6, "reason"), &Some("refresh_reuse"))?;
    same(&detail(7, "reason"), &Some("reuse"))?;
    same(&detail(8, "reason"), &Some("refresh_ended"))?;
    let own_client = client("stats-site").to_string();
    for (at, entry) in audit.iter().enumerate().skip(1) {
        same(&entry.address.as_deref(), &Some("192.0.2.0/24"))?;
        same(&entry.client, &Some(own_client.clone()))?;
        let is_known = at != 5;
        same(&entry.user, &is_known.then_some(begun.session.user))?;
        let has_session = at > 1 && is_known;
        same(&entry.session, &has_session.then_some(begun.session.id))?;
    }
    Ok(())
}
