//! Who is told of runs, as the settings have it.

use std::sync::Arc;

use anyhow::Context as _;
use command_kit::VERSION;
use model_application::runs::RunEvents;
use model_openlineage_adapter::{Dataset, Description, HttpCollector, Lineage};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use warehouse_kit::WarehousePlace;

use crate::settings::Settings;

/// What runs read of the warehouse.
const TABLES: [&str; 3] = ["hero_days", "pair_days", "day_builds"];

/// Who tells of what happens from now on; none where nobody is told.
pub(crate) fn of(settings: &Settings, events: &RunEvents) -> anyhow::Result<Option<Lineage>> {
    let Some(url) = &settings.lineage.url else {
        return Ok(None);
    };
    let user_agent = format!("model-service/{VERSION}");
    let collector = HttpCollector::try_new(&user_agent, url).map_err(anyhow::Error::msg);
    let collector = collector.context("the OPENLINEAGE_ settings cannot work")?;
    let namespace = settings.lineage.namespace.as_ref();
    let description = Description {
        namespace: namespace.unwrap_or(&settings.service_name).clone(),
        version: VERSION.to_owned(),
        inputs: inputs(settings),
        output_namespace: without_user(&settings.redis.place.to_string()),
    };
    Ok(Some(Lineage::new(Arc::new(collector), description, events)))
}

/// Tells in a task of its own, for a command that ends with its run.
pub(crate) fn tell(lineage: Option<Lineage>, end: &CancellationToken) -> Option<JoinHandle<()>> {
    lineage.map(|lineage| tokio::spawn(lineage.run(end.clone())))
}

/// The tables, by the names that lineage has for such.
fn inputs(settings: &Settings) -> Vec<Dataset> {
    let warehouse = &settings.warehouse;
    let (namespace, within) = match (&warehouse.place, warehouse.embedded_file()) {
        (WarehousePlace::Server(url), _) => {
            let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
            let host = host.trim_end_matches('/');
            (format!("clickhouse://{host}"), warehouse.database.clone())
        }
        (WarehousePlace::Embedded, file) => {
            let file = file.unwrap_or_default();
            ("file".to_owned(), file.display().to_string())
        }
    };
    let tables = TABLES.iter().map(|table| Dataset {
        namespace: namespace.clone(),
        name: format!("{within}.{table}"),
    });
    tables.collect()
}

/// The address without whoever enters it.
fn without_user(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_its_user() {
        for (url, told) in [
            ("redis://localhost:6379/0", "redis://localhost:6379/0"),
            ("redis://me:***@cache:1/0", "redis://cache:1/0"),
        ] {
            assert_eq!(without_user(url), told);
        }
    }
}
