//! Attempts to prove an identity, from their charge to their outcome.

use appmixer_core::{Attempt, AttemptOutcome};
use appmixer_limits::{Limit, Pending};

use crate::limits::Visit;
use crate::metrics;

/// The attempt of one request. Dropped after its charge and without an outcome, it was aborted: that is a failure.
pub(crate) struct OpenAttempt<'a> {
    visit: &'a Visit<'a>,
    /// Of a password, while it counts as pending. Codes are too long to be guessed, however many at once.
    pending: Option<Pending<'a>>,
    is_sign_in: bool,
    is_charged: bool,
}

impl<'a> OpenAttempt<'a> {
    pub(crate) fn of_password(visit: &'a Visit<'a>, pending: Option<Pending<'a>>) -> Self {
        Self { visit, pending, is_sign_in: visit.limit() == Limit::SignIn, is_charged: false }
    }

    /// Not counted among the sign-ins.
    pub(crate) fn of_code_and_password(visit: &'a Visit<'a>, pending: Option<Pending<'a>>) -> Self {
        Self { visit, pending, is_sign_in: false, is_charged: false }
    }

    pub(crate) fn of_code(visit: &'a Visit<'a>) -> Self {
        Self { visit, pending: None, is_sign_in: false, is_charged: false }
    }

    fn fail(&mut self) {
        match self.pending.take() {
            Some(pending) => pending.fail(self.visit.now()),
            None => self.visit.count(),
        }
    }
}

impl Attempt for OpenAttempt<'_> {
    fn charge(&mut self) {
        self.is_charged = true;
    }

    fn settle(&mut self, outcome: AttemptOutcome<'_>) {
        self.is_charged = false;
        match outcome {
            AttemptOutcome::Succeeded(names) => self.visit.is_owner(names),
            AttemptOutcome::Failed => self.fail(),
            AttemptOutcome::Void => {}
        }
        self.pending = None;
    }
}

impl Drop for OpenAttempt<'_> {
    fn drop(&mut self) {
        if self.is_charged {
            self.fail();
            if self.is_sign_in {
                metrics::sign_in_aborted();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use appmixer_core::{LoginName, Names, Username};
    use appmixer_limits::{Limiter, Network, Options};

    use super::*;

    fn name() -> LoginName {
        LoginName::parse("joe@acme").unwrap()
    }

    fn names() -> Names {
        Names::new(Username::parse("joe@acme").ok(), None).unwrap()
    }

    /// After an attempt: what is left of the network's quota, and how many of ten attempts may begin at once.
    fn left_after(limit: Limit, attempt: impl FnOnce(&Visit<'_>)) -> (u32, usize) {
        let limiter = Limiter::new(Options::default(), b"16 random bytes!");
        let visit = Visit::at_start(&limiter, limit);
        attempt(&visit);
        let (network, now) = (Network::Local, visit.now());
        let begun = (0..10).map_while(|_| limiter.begin(limit, name().folded(), network, now).ok());
        (limiter.standing(limit, network, now).remaining, begun.collect::<Vec<_>>().len())
    }

    fn charge(attempt: &mut OpenAttempt<'_>) {
        attempt.charge();
    }

    fn password(visit: &Visit<'_>, attempt: impl FnOnce(&mut OpenAttempt<'_>)) {
        attempt(&mut visit.begin(&name()).map_err(|_| "limited").unwrap());
    }

    #[test]
    fn an_attempt_that_is_dropped_after_its_charge_is_a_failure() {
        for limit in [Limit::SignIn, Limit::ChangePassword] {
            assert_eq!(left_after(limit, |visit| password(visit, charge)), (99, 5));
        }
        let code = |visit: &Visit<'_>| OpenAttempt::of_code(visit).charge();
        assert_eq!(left_after(Limit::RedeemCode, code), (99, 6));
    }

    #[test]
    fn an_attempt_that_is_dropped_before_its_charge_counts_for_nothing() {
        assert_eq!(left_after(Limit::SignIn, |visit| password(visit, |_| ())), (100, 6));
        assert_eq!(left_after(Limit::RedeemCode, |visit| drop(OpenAttempt::of_code(visit))), (100, 6));
    }

    #[test]
    fn an_attempt_counts_once_as_what_became_of_it() {
        let settled = |outcome: AttemptOutcome<'_>| {
            left_after(Limit::SignIn, |visit| {
                password(visit, |attempt| {
                    attempt.charge();
                    attempt.settle(outcome);
                });
            })
        };
        assert_eq!(settled(AttemptOutcome::Failed), (99, 5));
        assert_eq!(settled(AttemptOutcome::Void), (100, 6));
        // The network is known from then on, which may have more pending.
        assert_eq!(settled(AttemptOutcome::Succeeded(&names())), (100, 10));
    }
}
