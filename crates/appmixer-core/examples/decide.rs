//! What a decision by access rules costs: the measure of every request that is checked.
//!
//! ```sh
//! cargo run --release -p appmixer-core --example decide -- 5
//! ```
//!
//! For as many seconds as asked, in turns: three rules and a short path, then a thousand rules of some kind and a path of
//! 15 KiB, as the first segment of it. The first line is the median time of the former in nanoseconds, the second the
//! longest median of the latter.

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use appmixer_core::{
    AclType, Action, Asked, Deed, InvalidRule, NamedRoles, Roles, RouteIndex, Rule, RuleSet, RuleText,
};

const DECISIONS: u32 = 1000;
const LONG: usize = 15 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let seconds: f64 = std::env::args().nth(1).map_or(Ok(5.0), |text| text.parse())?;
    let asked = Asked::Roles(NamedRoles::parse(&["user", "tester", "joe@acme.com"])?);
    let whose = asked.roles();
    let few = RouteIndex::new(RuleSet::defaults(AclType::Routes).rules());
    let kinds = [("user", "resource-#"), ("user", "resource-#*"), ("role-#", "flows*")];
    let many = kinds.map(|(role, resource)| rules(role, resource).map(|rules| RouteIndex::new(&rules)));
    let many: Vec<_> = many.into_iter().collect::<Result<_, _>>()?;
    let paths = ["x", "ß", "resource-777", "flows"].map(|beginning| {
        let filling = if beginning.is_ascii() { "x" } else { beginning };
        format!("{beginning}{}", filling.repeat(LONG / filling.len()))
    });
    let cases: Vec<_> = many.iter().flat_map(|index| paths.iter().map(move |path| (index, path))).collect();
    let (mut short, mut long) = (Vec::new(), vec![Vec::new(); cases.len()]);
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < until {
        short.push(time(&few, &whose, "flows"));
        for ((index, path), times) in cases.iter().zip(&mut long) {
            times.push(time(index, &whose, path));
        }
    }
    let slowest = long.into_iter().map(median).max().ok_or("no time was given")?;
    println!("{}\n{}", median(short).as_nanos(), slowest.as_nanos());
    Ok(())
}

fn rules(role: &str, resource: &str) -> Result<Vec<Rule>, InvalidRule> {
    let nth = |number: usize| {
        let text = |form: &str| RuleText::parse(&form.replace('#', &format!("{number:03}")));
        Rule::new(text(role)?, text(resource)?, vec![Action::Any], Vec::new())
    };
    (0..1000).map(nth).collect()
}

/// How long a decision takes.
fn time(index: &RouteIndex, whose: &Roles<'_>, resource: &str) -> Duration {
    let started = Instant::now();
    for _ in 0..DECISIONS {
        black_box(index.denies(whose, black_box(resource), &[Deed::Read]));
    }
    started.elapsed() / DECISIONS
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
