//! `check-config`: whether the server would start, and with what.

mod checks;
mod network;
mod show;
mod system_config;

use crate::cli::Common;
use crate::config::load;
use crate::failure::Failure;
use crate::output::errln;

/// What the checks have found.
#[derive(Default)]
struct Findings {
    /// What would stop the start.
    problems: Vec<String>,
    /// What an operator should know, although it stops nothing.
    warnings: Vec<String>,
}

impl Findings {
    fn add<T>(&mut self, checked: Result<T, Failure>) -> Option<T> {
        checked.map_err(|failure| self.problems.push(failure.to_string())).ok()
    }
}

pub(crate) fn run(json: bool, connect: bool, common: &Common) -> Result<(), Failure> {
    let (config, sources) = load(common.config.as_deref(), &common.overrides(None))?;
    show::print(&config, &sources, json)?;
    let mut findings = Findings { warnings: config.warnings.clone(), ..Findings::default() };
    checks::run(&config, &mut findings)?;
    if connect {
        network::run(&config, &mut findings)?;
    }
    for warning in &findings.warnings {
        errln!("appmixer-server: warning: {warning}");
    }
    let Some((last, others)) = findings.problems.split_last() else { return Ok(()) };
    for problem in others {
        errln!("appmixer-server: {problem}");
    }
    Err(Failure::configuration(last))
}
