//! `migrate`: makes the tables on a server.

use std::{
    io::{Write as _, stdout},
    sync::Arc,
};

use command_kit::{complain, say};
use etl_clickhouse_adapter::{SchemaError, statements};
use health_kit::{Clock, SystemClock};
use service_kit::exit_code::ExitCode;

use crate::{settings::Settings, warehouse};

/// Flags of `migrate`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct MigrateArguments {
    /// Only show the statements that make the tables on a server
    #[arg(long)]
    print: bool,
}

pub(crate) async fn run(settings: &Settings, arguments: MigrateArguments) -> ExitCode {
    if arguments.print {
        let all = statements(&settings.warehouse.database, &settings.server.tables);
        // Whoever closes the pipe has read enough.
        let _ = writeln!(stdout(), "{};", all.join(";\n\n"));
        return ExitCode::Ok;
    }
    match migrate(settings).await {
        Ok(()) => ExitCode::Ok,
        Err(error) => {
            complain(format_args!("{error:#}"));
            match error.downcast_ref() {
                Some(SchemaError::Newer { .. }) => ExitCode::Config,
                _ => ExitCode::Unavailable,
            }
        }
    }
}

async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let database = &settings.warehouse.database;
    if settings.warehouse.embedded_file().is_some() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        warehouse::Warehouse::open(settings, &clock)
            .await?
            .close()
            .await;
        say(format_args!(
            "the tables of the embedded warehouse {database} are there"
        ));
    } else {
        warehouse::server(settings)?.migrate().await?;
        say(format_args!("the tables of database {database} are there"));
    }
    Ok(())
}
