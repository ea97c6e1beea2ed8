//! `doctor`: everything the service depends on, tried.

use std::{path::Path, sync::Arc, time::Duration};

use command_kit::doctor::{Attempt, Checklist, DoctorArguments, judge_clocks, judge_room};
use command_kit::rfc3339;
use domain::MatchId;
use etl_application::ports::{
    CallMemory, Details, DetailsError, MatchDetails as _, WarehouseError,
};
use etl_clickhouse_adapter::{ClickHouseWarehouse, SCHEMA_VERSION};
use etl_kafka_adapter::{KafkaSettings, KafkaTrial};
use etl_opendota_adapter::{OpenDotaDetails, UPSTREAM, client};
use etl_sqlite_adapter::SqliteWarehouse;
use health_kit::{Clock, SystemClock};
use kafka_kit::{brokers::in_thread, trial::Tried};
use service_kit::{
    disk::{self, Space},
    exit_code::ExitCode,
};
use steam_client::{CallError, SteamSettings};

use crate::{settings::Settings, steam, warehouse::server};

/// A question to Kafka asks twice, and tries every broker's address.
const KAFKA_TIME_MAX: Duration = Duration::from_secs(30);
/// A question to the warehouse; a server that is well answers in milliseconds.
const WAREHOUSE_TIME_MAX: Duration = Duration::from_secs(10);
/// A call of an upstream, with what is set down before it.
const UPSTREAM_TIME_MAX: Duration = Duration::from_secs(40);
/// A wait for leave to call that is worth it; calls pause shortly as a minute begins.
const UPSTREAM_WAIT_MAX: Duration = Duration::from_secs(10);
/// Whether an upstream knows this match or not, it has answered.
const ASKED_FOR: i64 = 1;

/// Tries everything, and tells it.
pub(crate) async fn run(settings: &Settings, arguments: DoctorArguments) -> ExitCode {
    let mut list = Checklist::new(arguments);
    let right = async { Ok::<_, String>("they are right; `validate` shows them".to_owned()) };
    list.check("settings", WAREHOUSE_TIME_MAX, right).await;
    kafka(&mut list, &settings.kafka).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match settings.warehouse.embedded_file() {
        Some(file) => embedded(&mut list, settings, &file, &clock).await,
        None => on_server(&mut list, settings, &clock).await,
    }
    sequence(&mut list, &settings.steam, &clock).await;
    list.conclude()
}

async fn kafka(list: &mut Checklist, settings: &KafkaSettings) {
    let trial = match KafkaTrial::try_new(settings) {
        Ok(trial) => Arc::new(trial),
        Err(error) => {
            let wrong = async { Err(error) };
            list.check("kafka", KAFKA_TIME_MAX, wrong).await;
            return;
        }
    };
    let ask = async |list: &mut Checklist, name: &str, question: Question| {
        let trial = Arc::clone(&trial);
        let asked = in_thread("kafka-trial", move || question(&trial));
        let answer = async {
            let started = asked.await.map_err(|error| error.to_string());
            started.and_then(|tried| tried)
        };
        list.check(name, KAFKA_TIME_MAX, answer).await
    };
    let answers = ask(list, "kafka", Box::new(KafkaTrial::brokers)).await;
    let mut questions: Vec<(String, Question)> = Vec::new();
    for topic in settings.topics().map(str::to_owned) {
        let name = format!("topic.{topic}");
        questions.push((name, Box::new(move |trial| trial.may_read(&topic))));
    }
    let letters = format!("topic.{}", settings.dead_letter_topic);
    questions.push((letters, Box::new(KafkaTrial::may_set_aside)));
    questions.push(("group".to_owned(), Box::new(KafkaTrial::group)));
    for (name, question) in questions {
        if answers {
            ask(list, &name, question).await;
        } else {
            list.skip(name, "no broker answers");
        }
    }
}

type Question = Box<dyn FnOnce(&KafkaTrial) -> Tried + Send>;

async fn embedded(list: &mut Checklist, settings: &Settings, file: &Path, clock: &Arc<dyn Clock>) {
    let mut opened = None;
    let open = async {
        let warehouse = SqliteWarehouse::open(file, Arc::clone(clock)).await;
        opened = Some(Arc::new(warehouse.map_err(|error| {
            format!("{error}; WAREHOUSE_DIR says where the embedded warehouse is")
        })?));
        Ok::<_, String>(format!(
            "{} is open, and its tables are those of this program",
            file.display()
        ))
    };
    list.check("warehouse", WAREHOUSE_TIME_MAX, open).await;
    match &opened {
        Some(warehouse) => {
            let written = async {
                warehouse.try_write().await?;
                Ok::<_, WarehouseError>("the file can be written".to_owned())
            };
            list.check("inserts", WAREHOUSE_TIME_MAX, written).await;
        }
        None => list.skip("inserts", "the file is not open"),
    }
    let folder = file.parent().unwrap_or(file);
    let room = async {
        let space =
            disk::space(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        judge_room(&format!("the disk of {}", folder.display()), space)
    };
    list.check("disk", WAREHOUSE_TIME_MAX, room).await;
    list.skip("clock", "the embedded warehouse has that of this machine");
    let calls = opened
        .clone()
        .map(|warehouse| warehouse as Arc<dyn CallMemory>);
    upstream(list, settings, calls, clock).await;
    if let Some(warehouse) = opened {
        warehouse.close().await;
    }
}

async fn on_server(list: &mut Checklist, settings: &Settings, clock: &Arc<dyn Clock>) {
    let house = match server(settings) {
        Ok(house) => house,
        Err(error) => {
            let wrong = async { Err(format!("{error:#}")) };
            list.check("warehouse", WAREHOUSE_TIME_MAX, wrong).await;
            return;
        }
    };
    let reached = async {
        let version = house.server_version().await;
        let version = version.map_err(|error| {
            format!("{error}; see WAREHOUSE_URL, WAREHOUSE_USER, WAREHOUSE_PASSWORD")
        })?;
        Ok::<_, String>(format!("a ClickHouse server {version} answers"))
    };
    if !list.check("warehouse", WAREHOUSE_TIME_MAX, reached).await {
        for name in ["schema", "inserts", "disk", "clock"] {
            list.skip(name, "the server does not answer");
        }
        upstream(list, settings, None, clock).await;
        return;
    }
    let schema = async { house.check_schema().await };
    let schema = async {
        schema.await?;
        let found = format!("the tables are of version {SCHEMA_VERSION}, that of this program");
        Ok::<_, etl_clickhouse_adapter::SchemaError>(found)
    };
    let fits = list.check("schema", WAREHOUSE_TIME_MAX, schema).await;
    if fits {
        let inserts = async {
            let count = house.try_inserts().await?;
            Ok::<_, WarehouseError>(format!("{count} tables can be written"))
        };
        list.check("inserts", WAREHOUSE_TIME_MAX, inserts).await;
    } else {
        list.skip("inserts", "the tables are not those of this program");
    }
    list.check("disk", WAREHOUSE_TIME_MAX, disks(&house)).await;
    list.check("clock", WAREHOUSE_TIME_MAX, clocks(&house, &**clock))
        .await;
    let calls = fits.then_some(house as Arc<dyn CallMemory>);
    upstream(list, settings, calls, clock).await;
}

/// One call, which is set down and counted as any other: limits hold here too.
async fn upstream(
    list: &mut Checklist,
    settings: &Settings,
    calls: Option<Arc<dyn CallMemory>>,
    clock: &Arc<dyn Clock>,
) {
    let name = format!("upstream.{UPSTREAM}");
    if settings.loader.wishes.wanted.is_none() {
        return list.skip(name, "DETAILS_FOR is none, so it is not asked");
    }
    let Some(calls) = calls else {
        return list.skip(name, "calls cannot be set down in the warehouse");
    };
    let asked = async {
        let client = client(settings.opendota.clone(), calls, Arc::clone(clock))?;
        let details = OpenDotaDetails::new(Arc::new(client.for_one_call()));
        match ask(&details, &**clock).await {
            Ok(_) | Err(DetailsError::NotFound | DetailsError::Wrong { .. }) => {
                Ok(Attempt::Found("it answers".to_owned()))
            }
            Err(DetailsError::NoRoom { until }) => Ok(Attempt::NotMade(format!(
                "it was not asked: its limits, less OPENDOTA_API_RESERVE, permit no call before {}",
                rfc3339(until.as_unix_ms())
            ))),
            Err(error @ DetailsError::Refused { .. }) => {
                Err(format!("{error}; see OPENDOTA_API_KEY"))
            }
            Err(error) => Err(format!(
                "{error}; see OPENDOTA_API_URL, and that it can be reached from here"
            )),
        }
    };
    list.check_or_skip(name, UPSTREAM_TIME_MAX, asked).await;
}

/// One call to the upstream that only backfills ask, with a key if there is one.
async fn sequence(list: &mut Checklist, settings: &SteamSettings, clock: &Arc<dyn Clock>) {
    const NAME: &str = "upstream.steam";
    if settings.keys.is_empty() {
        return list.skip(NAME, "STEAM_API_KEYS has no key, so it is not asked");
    }
    let asked = async {
        let steam = steam::client(settings, clock)?;
        match steam.newest_sequence_number().await {
            Ok(newest) => {
                let found = format!("it answers; the newest number of its sequence is {newest}");
                Ok(Attempt::Found(found))
            }
            Err(error @ (CallError::NoRoom { .. } | CallError::Limited { .. })) => {
                let why = format!("{error}; somebody else calls with this key");
                Ok(Attempt::NotMade(why))
            }
            Err(error @ CallError::Refused { .. }) => Err(format!("{error}; see STEAM_API_KEYS")),
            Err(error) => Err(format!(
                "{error}; see STEAM_API_URL, and that it can be reached from here"
            )),
        }
    };
    list.check_or_skip(NAME, UPSTREAM_TIME_MAX, asked).await;
}

/// Asks once; as a minute begins nobody may, and that is waited for.
async fn ask(details: &OpenDotaDetails, clock: &dyn Clock) -> Result<Details, DetailsError> {
    let id = MatchId::try_new(ASKED_FOR).expect("it is above 0");
    let asked = details.fetch(id).await;
    let Err(DetailsError::NoRoom { until }) = asked else {
        return asked;
    };
    let wait_ms = until.as_unix_ms() - clock.now().as_unix_ms();
    let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
    if wait > UPSTREAM_WAIT_MAX {
        return asked;
    }
    tokio::time::sleep(wait).await;
    details.fetch(id).await
}

async fn disks(house: &ClickHouseWarehouse) -> Tried {
    let disks = house.disks().await.map_err(|error| error.to_string())?;
    let rooms = disks.into_iter().map(|disk| {
        let name = format!("disk {} of the server", disk.name);
        let (size, free) = (disk.size, disk.free);
        judge_room(&name, Space { size, free })
    });
    Ok(rooms.collect::<Result<Vec<_>, _>>()?.join("; "))
}

async fn clocks(house: &ClickHouseWarehouse, clock: &dyn Clock) -> Tried {
    let ahead = house.clock_ahead_ms(clock).await;
    judge_clocks(ahead.map_err(|error| error.to_string())?)
}
