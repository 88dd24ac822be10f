//! What every store promises of the numbers that it keeps of each day.

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{
    AuditEntry, AuditKind, Beside, Count, Counted, Daily, Day, Origin, Store, Timestamp, UserChange,
    WriteError, daily, trim_audit_log,
};
use tokio::task::JoinSet;

use super::{Notes, id, later, user};

const DAY: i64 = 86_400_000;
/// 1970-01-11, the tenth day after the first.
const TODAY: i64 = 10 * DAY;

fn noted(millis: i64, kind: AuditKind) -> AuditEntry {
    AuditEntry::new(Timestamp::from_millis(millis), kind, &Origin::anonymous(None))
}

fn day(number: i64, sign_ups: u64, sign_ins: u64, failures: u64) -> Daily {
    Daily { day: Day::from_number(number), sign_ups, sign_ins, failures }
}

/// Waits until they are so: what was noted is counted soon.
async fn expect(store: &dyn Store, days: u32, expected: &[Daily]) {
    let mut last = Vec::new();
    for _ in 0..4000 {
        last = daily(store, Timestamp::from_millis(TODAY), days).await.unwrap();
        if last == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(last, expected);
}

pub(crate) async fn each_sign_in_and_sign_up_counts_once_on_its_day_and_nothing_else_does(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    expect(&*store, 2, &[day(9, 0, 0, 0), day(10, 0, 0, 0)]).await;
    let mut tasks = JoinSet::new();
    for number in 0..300 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let time = TODAY - DAY * i64::from(number % 3);
            store.note(noted(time, AuditKind::SignIn));
            store.note(noted(time + DAY - 1, AuditKind::SignInFailed));
            store.note(noted(time, AuditKind::PasswordForgotten));
            // Two want each name: the sign-up of one is not made.
            let joe = user(number, &format!("u{}@acme", number / 2), &["user"]);
            match store.insert(joe, noted(time, AuditKind::UserCreated).about(id(number)).into()).await {
                Ok(()) => Some(number % 3),
                Err(WriteError::NameTaken) => None,
                Err(error) => panic!("{error}"),
            }
        });
    }
    let made: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(made.len(), 150);
    let made = |ago| made.iter().filter(|number| **number == ago).count() as u64;
    let expected =
        [day(7, 0, 0, 0), day(8, made(2), 100, 100), day(9, made(1), 100, 100), day(10, made(0), 100, 100)];
    expect(&*store, 4, &expected).await;
    expect(&*store, 1, &expected[3..]).await;

    let change = UserChange { revoke_tokens: true, ..UserChange::default() };
    let beside = |kind| Beside::from(noted(TODAY, kind));
    store.update(id(0), change.clone(), later(), beside(AuditKind::SignedOutEverywhere)).await.ok();
    store.update(id(1), change, later(), beside(AuditKind::UserChanged)).await.ok();
    store.insert(user(1000, "silent@acme", &["user"]), Beside::nothing()).await.unwrap();
    expect(&*store, 4, &expected).await;
}

pub(crate) async fn what_the_log_forgets_or_never_keeps_is_counted_nevertheless(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let silent = |kind| AuditEntry { is_kept: false, ..noted(TODAY, kind) };
    for number in 0..20 {
        store.note(noted(TODAY - DAY, AuditKind::SignIn));
        store.note(silent(AuditKind::SignInFailed));
        let joe = user(number, &format!("u{number}@acme"), &["user"]);
        store.insert(joe, silent(AuditKind::UserCreated).into()).await.unwrap();
    }
    let expected = [day(9, 0, 20, 0), day(10, 20, 0, 20)];
    expect(&*store, 2, &expected).await;
    assert_eq!(trim_audit_log(&*store, later(), 0).await, Ok(20), "the others were never in it");
    expect(&*store, 2, &expected).await;
    let counts = store.counts(Day::from_number(10)..=Day::from_number(10)).await.unwrap();
    assert!(
        counts.iter().all(|Count { day, counted, .. }| day.number() == 10 && *counted != Counted::SignIn)
    );
}
