//! All limits together: what is asked before an attempt, and what is told after it.

use std::hash::{Hash, Hasher as _};
use std::time::Duration;

use siphasher::sip::SipHasher13;

use crate::bucket::{self, Standing};
use crate::deeds::{self, Deed, Kind, Untold};
use crate::delay::{self, Patience};
use crate::known;
use crate::network::Network;
use crate::pending::Counts;
use crate::quota::Quota;
use crate::table::Table;

/// How many quotas a site has: its owner has 65,536 networks, and most sites are households.
const QUOTAS_OF_A_SITE: u32 = 10;

/// How often the same refusal is news.
const NEWS: Quota = Quota::hourly(1);

/// What is limited by network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Failed sign-ins.
    SignIn,
    /// Users who are made, or tried to be.
    SignUp,
    /// Codes that are asked for.
    ForgotPassword,
    /// Codes that are not good.
    RedeemCode,
    /// Old passwords that are wrong.
    ChangePassword,
}

impl Limit {
    /// Each of them.
    pub const ALL: [Self; 5] =
        [Self::SignIn, Self::SignUp, Self::ForgotPassword, Self::RedeemCode, Self::ChangePassword];
}

/// The quotas, and how much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Of failed sign-ins from one network.
    pub sign_in: Quota,
    /// Of sign-ups from one network.
    pub sign_up: Quota,
    /// Of codes that one network asks for.
    pub forgot_password: Quota,
    /// Of codes from one network that are not good.
    pub redeem_code: Quota,
    /// Of old passwords from one network that are wrong.
    pub change_password: Quota,
    /// Of wrong passwords for one account from networks from which nobody has signed in to it, all together.
    pub account: Quota,
    /// Of codes for one account.
    pub account_codes: Quota,
    /// How many networks, how many accounts, and how many pairs of both are kept, each; and twice as many pairs with
    /// a good sign-in.
    pub entries: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sign_in: Quota::hourly(100),
            sign_up: Quota::hourly(1000),
            forgot_password: Quota::hourly(100),
            redeem_code: Quota::hourly(100),
            change_password: Quota::hourly(100),
            account: Quota::hourly(20),
            account_codes: Quota::hourly(5),
            entries: 65_536,
        }
    }
}

/// What stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The network's quota.
    Network,
    /// The delay for the account and the network.
    Delay,
    /// The account's quota for networks that are not known.
    Account,
}

/// There must not be an attempt now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// What stands in the way.
    pub barrier: Barrier,
    /// When it makes sense to try again. More than nothing.
    pub wait: Duration,
    /// The quota; of a [`Barrier::Delay`] the account's.
    pub quota: Quota,
    key: u64,
}

/// Counts attempts and failures.
pub struct Limiter {
    pub(crate) options: Options,
    hasher: SipHasher13,
    networks: Table,
    pub(crate) accounts: Table,
    pub(crate) pairs: Table,
    known: Table,
    told: Table,
    pub(crate) pending: Counts,
    /// For the processes that count the same; none without any.
    untold: Option<Untold>,
}

/// What a key is of, so that no two kinds meet.
#[derive(Hash)]
pub(crate) enum Key<'a> {
    Network(Limit, Network),
    Account(&'a str),
    Codes(&'a str),
    Pair(&'a str, Network),
    Known(&'a str, Network),
    Told(u64),
}

impl Limiter {
    /// A limiter that has seen nobody. `key` must be random: who knows it can choose names and addresses that share
    /// a place in memory.
    #[must_use]
    pub fn new(options: Options, key: &[u8; 16]) -> Self {
        let table = Table::new;
        Self {
            options,
            hasher: SipHasher13::new_with_key(key),
            networks: table(options.entries),
            accounts: table(options.entries),
            pairs: table(options.entries),
            known: table(options.entries.saturating_mul(2)),
            told: table(options.entries / 16),
            pending: Counts::default(),
            untold: None,
        }
    }

    /// The same, which counts together with other processes that have the same key: [`Limiter::take_untold`] is for
    /// their [`Limiter::hear`].
    #[must_use]
    pub fn shared(self) -> Self {
        Self { untold: Some(Untold::default()), ..self }
    }

    /// What was seen here since the last time, for all others that count the same, should there be anything. It holds
    /// no names and no addresses.
    #[must_use]
    pub fn take_untold(&self) -> Option<Vec<u8>> {
        self.untold.as_ref()?.take()
    }

    /// Counts what another process has seen, and when. What is no message of its kind counts for nothing.
    pub fn hear(&self, message: &[u8], seen: Duration) {
        for deed in deeds::read(message) {
            self.count(deed, micros(seen));
        }
    }

    /// Whether a network may do something once more.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn check(&self, limit: Limit, network: Network, now: Duration) -> Result<(), Limited> {
        let now = micros(now);
        for (key, quota, _) in self.of_network(limit, network) {
            if let Some(wait) = bucket::wait(&self.networks, key, quota, now) {
                return Err(Limited::new(Barrier::Network, wait, quota, key));
            }
        }
        Ok(())
    }

    /// A network has done it.
    pub fn charge(&self, limit: Limit, network: Network, now: Duration) {
        for (key, _, kind) in self.of_network(limit, network) {
            self.see(Deed::new(kind, key, 1), micros(now));
        }
    }

    /// What a network has left; of its own, and not of its site's.
    #[must_use]
    pub fn standing(&self, limit: Limit, network: Network, now: Duration) -> Standing {
        let key = self.key(&Key::Network(limit, network));
        bucket::standing(&self.networks, key, self.quota(limit), micros(now))
    }

    /// Whether a password may be tried, as far as past failures are concerned.
    pub(crate) fn check_password(
        &self,
        limit: Limit,
        account: &str,
        network: Network,
        now: Duration,
    ) -> Result<(), Limited> {
        let is_known = self.is_known(self.key(&Key::Known(account, network)), now);
        if !is_known {
            self.check(limit, network, now)?;
        }
        let now = micros(now);
        let pair = self.key(&Key::Pair(account, network));
        if let Some(wait) = delay::wait(&self.pairs, pair, now) {
            return Err(Limited::new(Barrier::Delay, wait, self.options.account, pair));
        }
        let account = self.key(&Key::Account(account));
        match bucket::wait(&self.accounts, account, self.options.account, now) {
            Some(wait) if !is_known => {
                Err(Limited::new(Barrier::Account, wait, self.options.account, account))
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong password. The keys are those of the pair's past sign-ins, of the pair, and of the account.
    pub(crate) fn wrong_password(
        &self,
        limit: Limit,
        network: Network,
        [known, pair, account]: [u64; 3],
        now: Duration,
    ) {
        self.charge(limit, network, now);
        let is_known = self.is_known(known, now);
        let now = micros(now);
        let kind = if is_known { Kind::Acquaintance } else { Kind::Stranger };
        self.see(Deed::new(kind, pair, 1), now);
        if !is_known {
            self.see(Deed::new(Kind::Account, account, 1), now);
        }
    }

    /// Somebody on the network has shown to be who owns the account. To be told for each name that it has.
    pub fn right_password(&self, account: &str, network: Network, now: Duration) {
        let now = micros(now);
        let pair = self.key(&Key::Pair(account, network));
        if delay::failures(&self.pairs, pair, now) > 0 {
            self.see(Deed::new(Kind::Forgiven, pair, 1), now);
        }
        let known = Deed::new(Kind::Known, self.key(&Key::Known(account, network)), 1);
        if known::is_news(&self.known, known.key, now) {
            self.see(known, now);
        } else {
            self.count(known, now);
        }
    }

    /// An account was made from the network. To be told for each name that it has.
    ///
    /// That there was none is what some clients find out by trying to sign in: these failures were no guesses.
    pub fn signed_up(&self, account: &str, network: Network, now: Duration) {
        let failures = delay::failures(&self.pairs, self.key(&Key::Pair(account, network)), micros(now));
        let failures = u32::try_from(failures).unwrap_or(u32::MAX);
        if failures > 0 {
            for (key, _, kind) in self.of_network(Limit::SignIn, network) {
                let back = if matches!(kind, Kind::Site(_)) { Kind::SiteBack } else { Kind::NetworkBack };
                self.see(Deed::new(back, key, failures), micros(now));
            }
        }
        self.right_password(account, network, now);
    }

    /// Whether a code may be sent to the account, which counts at once.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn ask_for_code(&self, account: &str, network: Network, now: Duration) -> Result<(), Limited> {
        self.check(Limit::ForgotPassword, network, now)?;
        self.charge(Limit::ForgotPassword, network, now);
        let (key, quota) = (self.key(&Key::Codes(account)), self.options.account_codes);
        if let Some(wait) = bucket::wait(&self.accounts, key, quota, micros(now)) {
            return Err(Limited::new(Barrier::Account, wait, quota, key));
        }
        self.see(Deed::new(Kind::Code, key, 1), micros(now));
        Ok(())
    }

    /// Whether nobody was told of this refusal within the last hour: so that a flood of them is no flood in a log.
    #[must_use]
    pub fn is_news(&self, limited: &Limited, now: Duration) -> bool {
        let (key, now) = (self.key(&Key::Told(limited.key)), micros(now));
        let is_news = bucket::wait(&self.told, key, NEWS, now).is_none();
        if is_news {
            bucket::charge(&self.told, key, NEWS, 1, now);
        }
        is_news
    }

    /// How much is remembered: entries that still mean something.
    #[must_use]
    pub fn entries(&self, now: Duration) -> usize {
        self.tables().iter().map(|table| table.entries(micros(now))).sum()
    }

    /// The memory that the entries take, in bytes. It grows with what comes, up to [`Limiter::max_bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tables().iter().map(|table| table.bytes()).sum()
    }

    /// The most memory that they ever take, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.tables().iter().map(|table| table.max_bytes()).sum()
    }

    const fn tables(&self) -> [&Table; 5] {
        [&self.networks, &self.accounts, &self.pairs, &self.known, &self.told]
    }

    pub(crate) fn is_known(&self, key: u64, now: Duration) -> bool {
        known::is_known(&self.known, key, micros(now))
    }

    /// Counts it, and keeps it for the others.
    fn see(&self, deed: Deed, now: u64) {
        self.count(deed, now);
        if let Some(untold) = &self.untold {
            untold.push(deed);
        }
    }

    fn count(&self, Deed { kind, key, uses }: Deed, now: u64) {
        let site = |limit| self.quota(limit).times(QUOTAS_OF_A_SITE);
        match kind {
            Kind::Network(limit) => bucket::charge(&self.networks, key, self.quota(limit), uses, now),
            Kind::Site(limit) => bucket::charge(&self.networks, key, site(limit), uses, now),
            Kind::NetworkBack => bucket::refund(&self.networks, key, self.quota(Limit::SignIn), uses, now),
            Kind::SiteBack => bucket::refund(&self.networks, key, site(Limit::SignIn), uses, now),
            Kind::Account => bucket::charge(&self.accounts, key, self.options.account, uses, now),
            Kind::Code => bucket::charge(&self.accounts, key, self.options.account_codes, uses, now),
            Kind::Stranger => delay::fail(&self.pairs, key, Patience::STRANGER, now),
            Kind::Acquaintance => delay::fail(&self.pairs, key, Patience::KNOWN, now),
            Kind::Forgiven => delay::forget(&self.pairs, key, now),
            Kind::Known => known::remember(&self.known, key, now),
        }
    }

    /// What a network's doing counts for: itself, and the site that it belongs to.
    fn of_network(&self, limit: Limit, network: Network) -> impl Iterator<Item = (u64, Quota, Kind)> {
        let quota = self.quota(limit);
        let own = (self.key(&Key::Network(limit, network)), quota, Kind::Network(limit));
        let site = network.site().map(|site| {
            let key = self.key(&Key::Network(limit, site));
            (key, quota.times(QUOTAS_OF_A_SITE), Kind::Site(limit))
        });
        std::iter::once(own).chain(site)
    }

    const fn quota(&self, limit: Limit) -> Quota {
        match limit {
            Limit::SignIn => self.options.sign_in,
            Limit::SignUp => self.options.sign_up,
            Limit::ForgotPassword => self.options.forgot_password,
            Limit::RedeemCode => self.options.redeem_code,
            Limit::ChangePassword => self.options.change_password,
        }
    }

    pub(crate) fn key(&self, of: &Key<'_>) -> u64 {
        let mut hasher = self.hasher;
        of.hash(&mut hasher);
        hasher.finish()
    }
}

impl Limited {
    pub(crate) const fn new(barrier: Barrier, wait: u64, quota: Quota, key: u64) -> Self {
        Self { barrier, wait: Duration::from_micros(wait), quota, key }
    }
}

/// Not 0, which stands for never.
pub(crate) fn micros(now: Duration) -> u64 {
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX / 4).saturating_add(1)
}
