//! The warehouse on a real ClickHouse, held to the suite of its ports.
//!
//! One binary, so that all tests share one engine, each with its database.

mod building;
mod loss;
mod schema;
mod target;
mod timing;
mod trial;

use etl_test_support::warehouse_contract;

use self::target::fresh;

#[tokio::test(flavor = "multi_thread")]
async fn the_server_keeps_the_promises_of_the_ports() {
    warehouse_contract::check(fresh).await;
}
