//! Tests of the real binary that are slow or need foreign programs which the daily tests do without.
//!
//! `cargo xtask test --full` installs the programs and runs these tests.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod completions;
mod openapi_tools;
mod ownership;
mod prometheus;
#[path = "../integration/support.rs"]
#[allow(dead_code, reason = "the daily tests use the rest")]
mod support;
#[path = "../integration/terminal.rs"]
#[allow(dead_code, reason = "the daily tests use the rest")]
mod terminal;
mod upstream_paths;
