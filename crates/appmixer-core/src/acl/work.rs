//! Counts what a decision does, so that a test can bound it without a clock.

#[cfg(not(test))]
pub(super) const fn step() {}

#[cfg(test)]
std::thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
pub(super) fn step() {
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// How many steps something takes.
#[cfg(test)]
pub(super) fn of(something: impl FnOnce()) -> usize {
    STEPS.with(|steps| steps.set(0));
    something();
    STEPS.with(std::cell::Cell::get)
}
