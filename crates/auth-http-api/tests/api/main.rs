//! The real server on a real socket, in front of auth in memory and a simulated Steam, asked by browsers that do as
//! they are told, by an independent client, and by those who should not come in.

mod moody;
mod support;

mod administration;
mod documents;
mod flow;
mod hostile;
mod limits;
mod outages;
mod secrets;
mod sessions;
mod sign_in;
mod tokens;
