//! Limits on guessing passwords: by network, and by account, in bounded memory.
//!
//! ```
//! use std::time::Duration;
//!
//! use appmixer_limits::{Barrier, Limit, Limiter, Network, Options};
//!
//! let limiter = Limiter::new(Options::default(), b"16 random bytes!");
//! let network = Network::of("198.51.100.7".parse().ok());
//! let now = Duration::ZERO; // since whatever moment, as long as it is always the same
//!
//! for _ in 0..6 {
//!     let attempt = limiter.begin(Limit::SignIn, "joe@acme", network, now)?;
//!     // The password is compared here, which takes a while.
//!     attempt.fail(now);
//! }
//! let limited = limiter.begin(Limit::SignIn, "joe@acme", network, now).map(drop).unwrap_err();
//! assert_eq!((limited.barrier, limited.wait), (Barrier::Delay, Duration::from_secs(1)));
//!
//! let later = now + limited.wait;
//! let attempt = limiter.begin(Limit::SignIn, "joe@acme", network, later)?;
//! limiter.right_password("joe@acme", network, later);
//! drop(attempt);
//! # Ok::<(), appmixer_limits::Limited>(())
//! ```
//!
//! # What it promises
//!
//! - **By network** ([`Network`]: an IPv4 address, an IPv6 /64) there is a quota of each [`Limit`]; a /48 has ten times
//!   as much. Of passwords only wrong ones count, so that one network may be a whole office, or a backend through which
//!   all users come.
//! - **By account and network** each wrong password from the sixth on costs a delay, of a second at first, doubling up
//!   to an hour. An hour takes one back.
//! - **By account** there is a quota of wrong passwords from all networks together, for whoever has more networks than
//!   patience.
//! - **An attempt counts from its beginning** ([`Limiter::begin`]): while its outcome is not known, it counts for its
//!   account and pair like a failure. So attempts at the same time are no more guesses than attempts one after the
//!   other. From a network that is known, 64 may be pending for an account until the delays begin.
//! - **Who is known gets in.** A network from which somebody has shown the account's right password, or a code that was
//!   sent to its owner, within 30 days, is asked neither for the network's quota nor the account's, and its delays end
//!   at a minute. So no stranger can keep the owner out of where the owner has been before.
//! - **Nobody learns who exists.** Names that are nobody's count like any other; nothing depends on whether they are.
//! - **Memory is bounded** ([`Options::entries`]) and keeps no name: entries are 64 bits of a keyed hash and two times.
//!   When it is full, who has done the least is forgotten, so that nobody drives out a counter that has grown; and who
//!   is new has half a quota, not none and not a whole one.
//!
//! # What it does not do
//!
//! - Pending attempts do not count against their network's quota, since a backend signs in many users at once. So a
//!   network that guesses at many accounts at the same time may exceed its quota by as many attempts as are checked at
//!   once. All of them count when they fail, and the wait is so much the longer, up to a day. A bounded queue in front
//!   of the check is a bound for that too.
//! - It knows no clock, no HTTP and no store: times come in, and must not go back. What it knows ends with the process.
//! - Processes that count together ([`Limiter::shared`]) tell each other what they have seen; how, is not its concern.
//!   Until one has heard of it, an attempt elsewhere does not count there, and attempts that are pending elsewhere
//!   never do: so a quota lets through a little more, the more processes there are, and never much.

mod bucket;
mod deeds;
mod delay;
mod known;
mod limiter;
mod network;
mod pending;
mod quota;
mod table;

pub use bucket::Standing;
pub use limiter::{Barrier, Limit, Limited, Limiter, Options};
pub use network::Network;
pub use pending::Pending;
pub use quota::{InvalidQuota, Quota};
