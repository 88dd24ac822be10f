//! The API in process: each route through `App::handle`, over a store in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod access_rules;
mod administration;
mod configuration;
mod contract;
mod lists;
mod passwords;
mod support;
mod verify;
