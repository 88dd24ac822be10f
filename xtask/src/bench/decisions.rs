//! What a decision by access rules costs, whatever the path and however many rules.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Bench, Row};
use crate::process::{command, output, root, run};

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    run(&mut command("cargo build --release -p appmixer-core --example decide"))?;
    let mut decide = Command::new(root().join("target/release/examples/decide"));
    let text = output(decide.arg(bench.duration.as_secs().to_string()))?;
    let (short, long) = text.trim().split_once('\n').context("two lines were meant to come")?;
    let (short, long): (f64, f64) = (short.trim().parse()?, long.trim().parse()?);
    let ratio = long / short;
    Ok(vec![Row {
        what: "a decision by 1,000 access rules about a path of 15 KiB, the slowest kind of both".to_owned(),
        against: format!("by 3 rules about a short path: {short:.0} ns"),
        measured: format!("{long:.0} ns: **{ratio:.2}**"),
        goal: "≤ 2",
        met: ratio <= 2.0,
    }])
}
