//! What the server promises, asked of the real binary over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod access_rules;
mod administration;
mod apps;
mod audit;
mod audit_log;
mod client_address;
mod command_line;
mod commands;
mod configuration;
mod contract;
mod disks;
mod durability;
mod export;
mod faults;
mod floods;
mod forgot_password;
mod frames;
mod hostile;
mod http2;
mod http2_hostile;
mod import;
mod import_runs;
mod keys;
mod keys_elsewhere;
mod lifecycle;
mod listeners;
mod lists;
mod mail;
mod memory;
mod npm;
mod observability;
mod odd_requests;
mod openapi;
mod passwords;
mod python;
mod receivers;
mod schemathesis;
mod secure;
mod security_headers;
mod smuggling;
mod support;
mod terminal;
mod tls;
mod webhooks;
