//! What is kept on a real server, held to the suite; and what only a database has.

mod contract;
mod database;
mod lost_answers;
mod secrets;
mod tables;
