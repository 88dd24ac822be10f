//! What every store promises of the audit log.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{
    AclType, Actor, AuditDetails, AuditEntry, AuditId, AuditKind, AuditQuery, AuditRecord, Beside, ConfigKey,
    Origin, Plan, RuleSet, Store, Timestamp, UserChange, UserId, WriteError, trim_audit_log,
};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Notes, entry, id, later, ticket, user};

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn everything() -> AuditQuery {
    AuditQuery {
        from: None,
        to: None,
        user: None,
        kinds: Vec::new(),
        before: None,
        after: None,
        limit: 10_000,
    }
}

fn noted(millis: i64, kind: AuditKind) -> AuditEntry {
    AuditEntry::new(time(millis), kind, &Origin::anonymous(None))
}

async fn all(store: &dyn Store) -> Vec<AuditRecord> {
    store.audit_entries(everything()).await.unwrap()
}

/// Waits until as many entries are there: those that were noted come soon.
async fn all_of(store: &dyn Store, number: usize) -> Vec<AuditRecord> {
    for _ in 0..4000 {
        let records = all(store).await;
        if records.len() >= number {
            return records;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not all entries came");
}

pub(crate) async fn entries_are_shown_newest_first_and_as_they_were_kept(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    assert_eq!(all(&*store).await, []);
    let key = ConfigKey::parse("ŽOFIE").unwrap();
    let origins = [
        Origin::anonymous("192.0.2.7".parse().ok()),
        Origin { actor: Actor::User(id(7)), address: "2001:db8::7".parse().ok() },
        Origin::command_line(1000),
        Origin::anonymous(None),
    ];
    let mut kept = Vec::new();
    for ((number, kind), millis) in AuditKind::ALL.into_iter().enumerate().zip(1000..) {
        let details = match number % 4 {
            0 => AuditDetails::default(),
            1 => AuditDetails::key(&key),
            2 => AuditDetails::import(u64::from(u32::MAX), 0),
            _ => AuditDetails::rules(AclType::Routes),
        };
        let entry = AuditEntry::new(time(millis), kind, &origins[number % 4]).with(details);
        kept.push(if number % 2 == 0 { entry } else { entry.about(id(9)) });
        store.note(kept[number].clone());
    }
    let records = all_of(&*store, kept.len()).await;
    kept.reverse();
    assert_eq!(records.iter().map(|record| record.entry.clone()).collect::<Vec<_>>(), kept);
    assert!(records.is_sorted_by(|newer, older| newer.id > older.id));
}

pub(crate) async fn a_change_leaves_its_entry_and_one_that_is_not_made_none(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let mut clock = 0;
    let mut beside = |kind| {
        clock += 1;
        Beside::from(noted(clock, kind).about(id(1)))
    };
    let joe = || user(1, "joe@acme", &["admin"]);
    let key = || ConfigKey::parse("APP_NAME").unwrap();
    let plan = |plan| UserChange { plan: Plan::parse(plan).ok(), ..UserChange::default() };
    let overtaken = UserChange { only_at_generation: Some(7), ..plan("gold") };

    store.insert(joe(), beside(AuditKind::UserCreated)).await.unwrap();
    let taken = store.insert(user(2, "JOE@acme", &["user"]), beside(AuditKind::UserCreated)).await;
    assert_eq!(taken, Err(WriteError::NameTaken));
    store.update(id(1), plan("gold"), later(), beside(AuditKind::UserChanged)).await.unwrap();
    store.update(id(1), plan("gold"), later(), beside(AuditKind::UserChanged)).await.unwrap();
    store.update(id(1), plan("beta"), later(), beside(AuditKind::PasswordReset)).await.unwrap();
    for (number, change, refusal) in
        [(1, overtaken, WriteError::Overtaken), (3, plan("beta"), WriteError::NotFound)]
    {
        let refused = store.update(id(number), change, later(), beside(AuditKind::UserChanged)).await;
        assert_eq!(refused, Err(refusal));
    }
    let last_admin = store.delete(id(1), ticket(1), false, later(), beside(AuditKind::UserDeleted)).await;
    assert_eq!(last_admin, Err(WriteError::LastAdmin));
    store.set(entry("APP_NAME", json!("secret-value")), beside(AuditKind::ConfigSet)).await.unwrap();
    assert_eq!(store.remove(key(), beside(AuditKind::ConfigRemoved)).await, Ok(true));
    assert_eq!(store.remove(key(), beside(AuditKind::ConfigRemoved)).await, Ok(false));
    let rules = RuleSet::defaults(AclType::Routes);
    store.replace_access_rules(rules, beside(AuditKind::RulesReplaced)).await.unwrap();
    store.insert(user(4, "root@acme", &["admin"]), Beside::nothing()).await.unwrap();
    store.delete(id(1), ticket(1), false, later(), beside(AuditKind::UserDeleted)).await.unwrap();

    let told: Vec<_> = all(&*store)
        .await
        .iter()
        .rev()
        .map(|record| (record.entry.kind, serde_json::to_string(&record.entry.details).unwrap()))
        .collect();
    let told: Vec<_> = told.iter().map(|(kind, details)| (*kind, details.as_str())).collect();
    assert_eq!(
        told,
        [
            (AuditKind::UserCreated, "{}"),
            (AuditKind::UserChanged, r#"{"members":["plan"]}"#),
            (AuditKind::UserChanged, r#"{"members":[]}"#),
            (AuditKind::PasswordReset, "{}"),
            (AuditKind::ConfigSet, "{}"),
            (AuditKind::ConfigRemoved, "{}"),
            (AuditKind::RulesReplaced, "{}"),
            (AuditKind::UserDeleted, "{}"),
        ]
    );
}

pub(crate) async fn of_many_changes_at_once_each_has_one_entry(store: Arc<dyn Store>, _: Arc<Notes>) {
    let mut tasks = JoinSet::new();
    for number in 0..300 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            // Two want each name.
            let joe = user(number, &format!("u{}@acme", number / 2), &["user"]);
            let beside = noted(5, AuditKind::UserCreated).about(joe.id).into();
            store.note(noted(5, AuditKind::SignInFailed));
            store.insert(joe, beside).await.is_ok()
        });
    }
    let made = tasks.join_all().await.into_iter().filter(|made| *made).count();
    assert_eq!(made, 150);
    let records = all_of(&*store, 450).await;
    let created = records.iter().filter(|record| record.entry.kind == AuditKind::UserCreated);
    let users: BTreeSet<_> = created.map(|record| record.entry.user.unwrap().to_string()).collect();
    assert_eq!((records.len(), users.len()), (450, 150));
    assert_eq!(records.iter().map(|record| record.id).collect::<BTreeSet<_>>().len(), 450);
}

/// Whether the query is for this entry.
fn is_for(query: &AuditQuery, record: &AuditRecord) -> bool {
    let entry = &record.entry;
    query.from.is_none_or(|from| entry.time >= from)
        && query.to.is_none_or(|to| entry.time < to)
        && query.user.is_none_or(|user| entry.user == Some(user) || entry.origin.actor == Actor::User(user))
        && (query.kinds.is_empty() || query.kinds.contains(&entry.kind))
        && query.before.is_none_or(|before| record.id < before)
        && query.after.is_none_or(|after| record.id > after)
}

/// 400 entries, several of a time, by and about five users.
async fn fill(store: &dyn Store) -> Vec<AuditRecord> {
    let some = |number: usize| (number % 6 != 5).then(|| id(u32::try_from(number % 6).unwrap()));
    for (number, millis) in (0..400_usize).zip(3000..) {
        let actor = some(number / 3).map_or(Actor::Anonymous, Actor::User);
        let kind = AuditKind::ALL[number * 7 % 4];
        let time = time(millis / 3);
        let entry = AuditEntry::new(time, kind, &Origin { actor, address: None });
        let user: Option<UserId> = some(number / 3 + number % 2);
        store.note(AuditEntry { user, ..entry });
    }
    all_of(store, 400).await
}

pub(crate) async fn all_that_is_asked_for_holds_of_what_is_shown_and_nothing_is_left_out(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let records = fill(&*store).await;
    let times = [None, Some(time(0)), Some(time(1040)), Some(time(1100)), Some(time(9000))];
    let ids = [None, Some(records[399].id), Some(records[200].id), Some(records[0].id)];
    let users = [None, Some(id(0)), Some(id(3)), Some(id(77))];
    let kinds =
        [vec![], vec![AuditKind::ALL[1]], vec![AuditKind::ALL[3], AuditKind::ALL[0], AuditKind::ALL[3]]];
    let mut found = 0;
    let combinations = times.len() * times.len() * users.len() * kinds.len() * ids.len() * ids.len();
    // Every seventh: seven divides none of the lengths, so each two values meet.
    for number in (0..combinations).step_by(7) {
        let mut rest = number;
        let mut of = |choices: usize| {
            let choice = rest % choices;
            rest /= choices;
            choice
        };
        let query = AuditQuery {
            from: times[of(5)],
            to: times[of(5)],
            user: users[of(4)],
            kinds: kinds[of(3)].clone(),
            before: ids[of(4)],
            after: ids[of(4)],
            limit: [7, 500][number % 2],
        };
        let expected: Vec<_> = records
            .iter()
            .filter(|record| is_for(&query, record))
            .take(query.limit as usize)
            .cloned()
            .collect();
        let shown = store.audit_entries(query.clone()).await.unwrap();
        assert_eq!(shown, expected, "{query:?}");
        found += shown.len();
    }
    assert!(found > 1000, "{found}");
}

pub(crate) async fn pages_have_every_entry_once_whatever_comes_meanwhile(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let records = fill(&*store).await;
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.audit_entries(AuditQuery { before, limit: 9, ..everything() }).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        seen.extend(page);
        store.set(entry("K", json!(1)), noted(5000, AuditKind::ConfigSet).into()).await.unwrap();
    }
    assert_eq!(seen, records);
    // Who goes on behind the last entry sees all that came, although the clock went back.
    store.set(entry("K", json!(1)), noted(4000, AuditKind::ConfigSet).into()).await.unwrap();
    let news = AuditQuery { after: Some(records[0].id), ..everything() };
    let news = store.audit_entries(news).await.unwrap();
    assert_eq!(news.len(), 400_usize.div_ceil(9) + 1);
    assert!(news.iter().all(|record| record.entry.time == time(5000)));
}

pub(crate) async fn what_is_old_or_too_much_is_forgotten_a_little_at_a_time(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    const NEVER: u64 = u64::MAX;
    let records = fill(&*store).await;
    let [newest, middle, oldest] = [0, 200, 399].map(|number: usize| &records[number]);
    assert_eq!(store.forget_audit_entries(oldest.entry.time, NEVER, 10).await, Ok(0), "not older than that");
    assert_eq!(store.forget_audit_entries(middle.entry.time, NEVER, 10).await, Ok(10));
    assert_eq!(all(&*store).await, records[..390]);
    trim_audit_log(&*store, middle.entry.time, NEVER).await.unwrap();
    let left: Vec<_> =
        records.iter().filter(|record| record.entry.time >= middle.entry.time).cloned().collect();
    assert_eq!(all(&*store).await, left);

    // What anybody can cause goes first, so that nobody hides something behind it.
    let is_anybodys = |record: &&AuditRecord| record.entry.kind.is_anybodys();
    let failed = left.iter().filter(is_anybodys).count();
    assert!(failed > 20 && left.len() - failed > 100);
    let most = left.len() - 10;
    assert_eq!(trim_audit_log(&*store, time(0), most as u64).await, Ok(10));
    let to_go: BTreeSet<_> = left.iter().rev().filter(is_anybodys).take(10).map(|record| record.id).collect();
    let stays = |record: &&AuditRecord| !to_go.contains(&record.id);
    assert_eq!(all(&*store).await, left.iter().filter(stays).cloned().collect::<Vec<_>>());

    assert_eq!(trim_audit_log(&*store, time(0), 50).await, Ok(most as u64 - 50));
    let others = left.iter().filter(|record| !record.entry.kind.is_anybodys());
    assert_eq!(all(&*store).await, others.take(50).cloned().collect::<Vec<_>>());
    assert_eq!(trim_audit_log(&*store, time(0), 50).await, Ok(0));

    // A place in the log is one also when its entry is gone.
    let page = |before: Option<AuditId>, after| AuditQuery { before, after, ..everything() };
    assert_eq!(store.audit_entries(page(Some(oldest.id), None)).await, Ok(vec![]));
    assert_eq!(store.audit_entries(page(None, Some(oldest.id))).await.unwrap().len(), 50);

    // No number is used again.
    trim_audit_log(&*store, later(), 50).await.unwrap();
    assert_eq!(all(&*store).await, []);
    store.set(entry("K", json!(1)), noted(1, AuditKind::ConfigSet).into()).await.unwrap();
    let next = all(&*store).await;
    assert!(next.len() == 1 && next[0].id > newest.id);
}
