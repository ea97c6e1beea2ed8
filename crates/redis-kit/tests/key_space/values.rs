//! Values, their ends, lists and messages.

use anyhow::{Result, ensure};
use redis_kit::TimeToLive;

use super::{HOUR, MINUTE, Target, bytes, names, put, shown};

pub(super) async fn check(make: impl AsyncFn() -> Result<Box<dyn Target>>) -> Result<()> {
    values_are_put_read_and_removed(&*make().await?).await?;
    many_values_are_put_and_read(&*make().await?).await?;
    keys_end_by_themselves(&*make().await?).await?;
    lists_keep_the_newest(&*make().await?).await?;
    sets_are_read_up_to_a_limit(&*make().await?).await?;
    kinds_are_not_mixed(&*make().await?).await?;
    listeners_hear_what_is_said(&*make().await?).await
}

async fn values_are_put_read_and_removed(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    ensure!(keys.get("a").await?.is_none());
    ensure!(keys.get_many(&[]).await?.is_empty());
    keys.set_many(&[], None).await?;
    put(&*keys, &[("a", "1"), ("b", ""), ("c", "3")], None).await?;
    ensure!(keys.get("a").await? == Some(bytes("1")));
    ensure!(keys.get("b").await? == Some(bytes("")));
    ensure!(shown(&*keys, &["c", "x", "a", "c"]).await? == "3 - 1 3");
    put(&*keys, &[("a", "2")], None).await?;
    ensure!(keys.delete(&names(&["c", "x", "a"])).await? == 2);
    ensure!(keys.delete(&[]).await? == 0);
    ensure!(shown(&*keys, &["a", "b", "c"]).await? == "-  -");
    Ok(())
}

/// More than fit into a pipeline, by number and by bytes.
async fn many_values_are_put_and_read(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    let values: Vec<_> = (0..300)
        .map(|number: usize| {
            let is_large = number.is_multiple_of(100);
            let length = if is_large { 600_000 } else { number };
            (format!("many:{number}"), vec![b'x'; length].into())
        })
        .collect();
    keys.set_many(&values, Some(HOUR)).await?;
    let (wanted, expected): (Vec<_>, Vec<_>) = values.into_iter().unzip();
    let found = keys.get_many(&wanted).await?;
    ensure!(found == expected.into_iter().map(Some).collect::<Vec<_>>());
    ensure!(keys.delete(&wanted).await? == 300);
    Ok(())
}

async fn keys_end_by_themselves(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    put(&*keys, &[("hour", "1")], Some(HOUR)).await?;
    put(&*keys, &[("endless", "1"), ("again", "1")], None).await?;
    put(&*keys, &[("minute", "1"), ("again", "2")], Some(MINUTE)).await?;
    ensure!(keys.time_to_live("endless").await? == TimeToLive::Endless);
    ensure!(keys.time_to_live("nothing").await? == TimeToLive::Missing);
    let left = keys.time_to_live("hour").await?;
    let TimeToLive::Left(left) = left else {
        anyhow::bail!("it ends {left:?}");
    };
    ensure!(left <= HOUR && left + MINUTE > HOUR, "{left:?}");

    target.pass(MINUTE).await?;
    let all = ["minute", "again", "hour", "endless"];
    ensure!(shown(&*keys, &all).await? == "- - 1 1");
    ensure!(keys.get("minute").await?.is_none());
    ensure!(keys.time_to_live("minute").await? == TimeToLive::Missing);
    ensure!(keys.delete(&names(&["minute"])).await? == 0);
    put(&*keys, &[("hour", "2")], None).await?;
    target.pass(HOUR).await?;
    ensure!(
        shown(&*keys, &all).await? == "- - 2 1",
        "a new value has its own end"
    );
    Ok(())
}

async fn lists_keep_the_newest(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    ensure!(keys.list("list").await?.is_empty());
    for number in 0..5 {
        keys.push("list", bytes(&number.to_string()), 3).await?;
    }
    ensure!(keys.list("list").await? == ["4", "3", "2"].map(bytes));
    keys.push("list", bytes("5"), 0).await?;
    ensure!(keys.list("list").await?.is_empty());
    ensure!(keys.time_to_live("list").await? == TimeToLive::Missing);
    Ok(())
}

async fn sets_are_read_up_to_a_limit(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    ensure!(keys.members("set", 3).await?.is_empty());
    target.add_members("set", &["b", "c"]).await?;
    target.add_members("set", &["a", "b"]).await?;
    for count_max in [3, 4, 1_000_000] {
        let mut members = keys.members("set", count_max).await?;
        members.sort();
        ensure!(members == ["a", "b", "c"].map(bytes), "{count_max}");
    }
    let some = keys.members("set", 2).await?;
    ensure!(some.len() == 2 && some[0] != some[1], "{some:?}");
    ensure!(keys.members("set", 0).await?.is_empty());
    Ok(())
}

async fn kinds_are_not_mixed(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    keys.push("list", bytes("1"), 3).await?;
    put(&*keys, &[("text", "1")], None).await?;
    ensure!(keys.get("list").await.is_err());
    ensure!(keys.push("text", bytes("2"), 3).await.is_err());
    ensure!(keys.list("text").await.is_err());
    target.add_members("set", &["1"]).await?;
    ensure!(keys.get("set").await.is_err());
    ensure!(keys.list("set").await.is_err());
    for other in ["list", "text"] {
        ensure!(keys.members(other, 3).await.is_err());
    }
    ensure!(shown(&*keys, &["list", "text"]).await? == "- 1");
    put(&*keys, &[("list", "2")], None).await?;
    ensure!(
        shown(&*keys, &["list"]).await? == "2",
        "a value takes the place of a list"
    );
    Ok(())
}

async fn listeners_hear_what_is_said(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    keys.publish("channel", bytes("nobody hears it")).await?;
    let mut first = keys.subscribe("channel").await?;
    let mut second = keys.subscribe("channel").await?;
    let mut other = keys.subscribe("other").await?;
    keys.publish("channel", bytes("1")).await?;
    keys.publish("channel", bytes("2")).await?;
    keys.publish("other", bytes("3")).await?;
    for listener in [&mut first, &mut second] {
        ensure!(listener.next().await == Some(bytes("1")));
        ensure!(listener.next().await == Some(bytes("2")));
    }
    ensure!(other.next().await == Some(bytes("3")));
    drop((first, second));
    keys.publish("channel", bytes("nobody hears it")).await?;
    let mut late = keys.subscribe("channel").await?;
    keys.publish("channel", bytes("4")).await?;
    ensure!(late.next().await == Some(bytes("4")));
    Ok(())
}
