//! What every store promises. Each implementation runs all of it.

mod access_rules;
mod audit;
mod confirmation_codes;
mod daily;
mod finding;
mod first_admin;
mod import;
mod last_admin;
mod outbox;
mod reset_codes;
mod signing_keys;
mod spellings;

use std::sync::{Arc, Mutex};

use appmixer_core::{
    Beside, Change, ChangeListener, ConfigEntry, ConfigKey, Email, LoginName, Metadata, Names, PasswordHash,
    Plan, Scopes, Store, Text, Ticket, Timestamp, User, UserChange, UserId, Username, Vendor, WriteError,
};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use self::access_rules::{
    access_rules_are_kept_by_type_and_in_their_order, of_many_replacements_at_once_one_stands_as_a_whole,
};
use self::finding::{
    a_pattern_that_many_have_is_counted_and_paged_before_and_after_the_import_is_settled,
    a_write_that_is_refused_leaves_lists_and_counts_as_they_were,
    lists_counts_and_searches_find_who_is_there_and_nobody_else,
    users_made_at_the_same_time_stand_in_the_order_in_which_they_came,
};

use self::outbox::{
    a_channel_is_bounded_and_the_change_is_made_nevertheless,
    a_message_is_kept_with_its_change_or_not_at_all,
    a_message_that_was_taken_is_nobody_elses_until_the_claim_ends, of_many_who_take_at_once_each_gets_others,
    what_failed_is_due_again_when_it_was_said_and_shown_without_its_content,
    whoever_waits_for_messages_hears_of_them,
};
use self::reset_codes::{
    a_code_is_good_until_it_expires, a_code_sets_a_password_once_and_ends_tokens_and_other_codes,
    a_revocation_or_another_name_ends_codes_and_nothing_else_does, a_user_has_a_few_codes_the_newest,
    nobodys_code_is_written_as_all_are_and_good_for_nothing, of_many_who_use_a_code_at_once_one_wins,
};

/// Notes what it hears.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<Change>>);

impl ChangeListener for Notes {
    fn changed(&self, change: Change) {
        self.0.lock().unwrap().push(change);
    }
}

impl Notes {
    pub(crate) fn take(&self) -> Vec<Change> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

pub(crate) fn id(number: u32) -> UserId {
    let mut bytes = [0; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    UserId::from_bytes(bytes)
}

pub(crate) fn user(number: u32, name: &str, scopes: &[&str]) -> User {
    User {
        id: id(number),
        names: Names::new(Some(Username::parse(name).unwrap()), None).unwrap(),
        password_hash: PasswordHash::from_phc(format!("$hash${number}")),
        scopes: Scopes::parse(scopes).unwrap(),
        plan: Plan::free(),
        is_active: true,
        vendor: Vendor::NONE,
        allowed_private_components: Vec::new(),
        phone_number: None,
        title: None,
        metadata: Metadata::default(),
        created: Timestamp::from_millis(1_552_492_609_123),
        modified: Timestamp::from_millis(1_552_492_609_123),
        generation: 0,
        confirmation_pending: false,
        address_vouched: false,
    }
}

fn ticket(number: u32) -> Ticket {
    Ticket::new(id(number + 1_000_000))
}

fn login(name: &str) -> LoginName {
    LoginName::parse(name).unwrap()
}

const LATER: i64 = 1_600_000_000_000;

fn later() -> Timestamp {
    Timestamp::from_millis(LATER)
}

fn scopes(list: &[&str]) -> UserChange {
    UserChange { scopes: Scopes::parse(list).ok(), ..UserChange::default() }
}

/// Runs everything, each on a store of its own.
pub(crate) async fn run<S: Store + 'static>(open: impl AsyncFn(Arc<Notes>) -> Arc<S>) {
    macro_rules! each {
        ($($promise:path)*) => {$({
            let notes = Arc::new(Notes::default());
            let store: Arc<dyn Store> = open(Arc::clone(&notes)).await;
            eprintln!("{}", stringify!($promise));
            $promise(store, notes).await;
        })*};
    }
    each! {
        a_user_is_found_as_it_was_by_id_and_by_every_spelling_of_its_names
        a_name_belongs_to_one_user_as_username_or_email
        of_many_who_want_a_name_at_once_one_gets_it
        spellings::another_spelling_of_a_taken_name_is_taken
        spellings::of_many_who_want_a_name_in_two_spellings_one_gets_it
        a_change_is_seen_by_the_next_read_and_heard_of_before_its_answer
        a_change_that_was_overtaken_by_a_revocation_is_not_made
        a_change_to_a_taken_name_changes_nothing
        the_last_admin_stays
        two_admins_who_remove_each_other_at_once_leave_one
        last_admin::active_admins_who_stop_each_other_at_once_leave_one
        first_admin::of_many_first_administrators_one_is_made_and_none_beside_another
        a_hash_is_replaced_only_while_it_is_the_one_that_was_seen
        a_deleted_user_is_gone_and_its_names_are_free
        a_ticket_answers_for_a_day_after_the_deletion_and_for_that_user_alone
        lists_go_on_behind_the_last_id
        lists_counts_and_searches_find_who_is_there_and_nobody_else
        a_pattern_that_many_have_is_counted_and_paged_before_and_after_the_import_is_settled
        users_made_at_the_same_time_stand_in_the_order_in_which_they_came
        a_write_that_is_refused_leaves_lists_and_counts_as_they_were
        configuration_entries_are_kept_as_they_are
        the_number_of_configuration_entries_is_bounded
        import::an_import_twice_is_an_import_once
        import::who_cannot_be_taken_keeps_nobody_else_out
        import::who_is_there_stays_or_is_replaced_as_asked
        import::an_import_leaves_an_administrator
        access_rules_are_kept_by_type_and_in_their_order
        of_many_replacements_at_once_one_stands_as_a_whole
        audit::entries_are_shown_newest_first_and_as_they_were_kept
        audit::a_change_leaves_its_entry_and_one_that_is_not_made_none
        audit::of_many_changes_at_once_each_has_one_entry
        audit::all_that_is_asked_for_holds_of_what_is_shown_and_nothing_is_left_out
        audit::pages_have_every_entry_once_whatever_comes_meanwhile
        audit::what_is_old_or_too_much_is_forgotten_a_little_at_a_time
        daily::each_sign_in_and_sign_up_counts_once_on_its_day_and_nothing_else_does
        daily::what_the_log_forgets_or_never_keeps_is_counted_nevertheless
        a_code_sets_a_password_once_and_ends_tokens_and_other_codes
        a_code_is_good_until_it_expires
        nobodys_code_is_written_as_all_are_and_good_for_nothing
        a_user_has_a_few_codes_the_newest
        a_revocation_or_another_name_ends_codes_and_nothing_else_does
        of_many_who_use_a_code_at_once_one_wins
        confirmation_codes::a_code_activates_its_user_once_and_ends_the_others
        confirmation_codes::a_code_expires_and_a_user_has_a_few_the_newest
        confirmation_codes::who_is_not_pending_gets_no_code_and_the_same_is_written
        confirmation_codes::whatever_changes_the_address_name_or_password_or_decides_ends_codes
        confirmation_codes::another_address_is_sent_a_code_of_its_own
        confirmation_codes::a_reset_code_confirms_a_pending_user_and_no_one_who_was_deactivated
        confirmation_codes::of_many_who_confirm_with_a_code_at_once_one_does
        confirmation_codes::of_a_code_and_another_address_at_once_no_unproved_address_becomes_active
        a_message_is_kept_with_its_change_or_not_at_all
        a_message_that_was_taken_is_nobody_elses_until_the_claim_ends
        what_failed_is_due_again_when_it_was_said_and_shown_without_its_content
        of_many_who_take_at_once_each_gets_others
        a_channel_is_bounded_and_the_change_is_made_nevertheless
        whoever_waits_for_messages_hears_of_them
        signing_keys::a_new_key_comes_last_and_those_that_sign_until_then_get_an_end
        signing_keys::a_replaced_key_ends_after_the_longest_token_that_it_has_signed
        signing_keys::of_many_who_add_a_first_key_one_does
        signing_keys::a_retired_key_is_gone_and_the_one_that_signs_is_not_retired
        signing_keys::keys_that_have_ended_are_forgotten_and_no_others
        signing_keys::the_number_of_keys_is_bounded_and_their_changes_are_in_the_log
        signing_keys::a_key_is_sealed_anew_only_if_it_is_what_was_read
    }
}

async fn a_user_is_found_as_it_was_by_id_and_by_every_spelling_of_its_names(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    let mut metadata = Map::new();
    metadata.insert("z".into(), json!({"ž": [1, 2.5, null, "\u{0}"]}));
    metadata.insert("a".into(), json!(true));
    let joe = User {
        names: Names {
            username: Username::parse("Joe@Acme").unwrap(),
            email: Email::parse("ŽOFIE@x").unwrap(),
        },
        vendor: Vendor::parse(["b", "a"]).unwrap(),
        allowed_private_components: Text::parse_list(["x.y.z"]).unwrap(),
        phone_number: Text::parse("+420 1").ok(),
        title: Text::parse("Dr.").ok(),
        metadata: Metadata::new(metadata).unwrap(),
        is_active: false,
        generation: 7,
        confirmation_pending: true,
        address_vouched: true,
        ..user(1, "x@x", &["user", "admin", "acme1"])
    };
    store.insert(joe.clone(), Beside::nothing()).await.unwrap();
    assert_eq!(store.find_by_id(joe.id).await, Ok(Some(joe.clone())));
    for name in ["joe@acme", "JOE@ACME", "žofie@x", "Z\u{30c}OFIE@X"] {
        let found = store.find_by_login(&login(name)).await.unwrap().unwrap();
        assert_eq!(found, joe, "{name}");
        assert_eq!(found.names.username.as_str(), "Joe@Acme");
        assert_eq!(
            serde_json::to_string(&found.metadata).unwrap(),
            serde_json::to_string(&joe.metadata).unwrap(),
            "the order of keys stays"
        );
    }
    assert_eq!(store.find_by_login(&login("jóe@acme")).await, Ok(None));
    assert_eq!(store.find_by_id(id(2)).await, Ok(None));
    assert_eq!(notes.take(), [], "nobody can remember a user who has just been made");
    assert_eq!(store.ping().await, Ok(()));
}

async fn a_name_belongs_to_one_user_as_username_or_email(store: Arc<dyn Store>, _: Arc<Notes>) {
    let both = |number, username: &str, email: &str| User {
        names: Names { username: Username::parse(username).unwrap(), email: Email::parse(email).unwrap() },
        ..user(number, "x@x", &["user"])
    };
    store.insert(both(1, "joe@a", "joe@b"), Beside::nothing()).await.unwrap();
    for taken in
        [both(2, "joe@a", "n@n"), both(2, "JOE@b", "n@n"), both(2, "n@n", "joe@A"), both(2, "n@n", "joe@b")]
    {
        assert_eq!(store.insert(taken, Beside::nothing()).await, Err(WriteError::NameTaken));
    }
    // What was refused left nothing behind.
    assert_eq!(store.find_by_login(&login("n@n")).await, Ok(None));
    store.insert(both(2, "n@n", "n@n"), Beside::nothing()).await.unwrap();
}

async fn of_many_who_want_a_name_at_once_one_gets_it(store: Arc<dyn Store>, _: Arc<Notes>) {
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let store = Arc::clone(&store);
        tasks
            .spawn(async move { store.insert(user(number, "joe@acme", &["user"]), Beside::nothing()).await });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(WriteError::NameTaken))));
    assert_eq!(store.list(None, 100).await.unwrap().len(), 1);
}

async fn a_change_is_seen_by_the_next_read_and_heard_of_before_its_answer(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    store.insert(user(1, "joe@acme", &["user", "tester"]), Beside::nothing()).await.unwrap();
    let change = UserChange {
        username: Some(Username::parse("jim@acme").unwrap()),
        plan: Plan::parse("beta").ok(),
        ..scopes(&["user"])
    };
    let changed = store.update(id(1), change, later(), Beside::nothing()).await.unwrap();
    assert_eq!(notes.take(), [Change::User(id(1))]);
    assert_eq!((changed.generation, changed.modified), (1, later()));
    assert_eq!(store.find_by_id(id(1)).await, Ok(Some(changed.clone())));
    assert_eq!(store.find_by_login(&login("jim@acme")).await, Ok(Some(changed.clone())));
    // The email kept the old name, so it still signs in.
    assert_eq!(store.find_by_login(&login("joe@acme")).await, Ok(Some(changed)));
    assert_eq!(
        store.update(id(2), UserChange::default(), later(), Beside::nothing()).await,
        Err(WriteError::NotFound)
    );
    assert_eq!(notes.take(), []);
}

async fn a_change_that_was_overtaken_by_a_revocation_is_not_made(store: Arc<dyn Store>, notes: Arc<Notes>) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    let at = |generation| UserChange {
        plan: Plan::parse("beta").ok(),
        revoke_tokens: true,
        only_at_generation: Some(generation),
        ..UserChange::default()
    };
    assert_eq!(store.update(id(1), at(0), later(), Beside::nothing()).await.unwrap().generation, 1);
    assert_eq!(notes.take(), [Change::User(id(1))]);
    assert_eq!(store.update(id(1), at(0), later(), Beside::nothing()).await, Err(WriteError::Overtaken));
    assert_eq!(notes.take(), []);
    assert_eq!(store.find_by_id(id(1)).await.unwrap().unwrap().generation, 1);
}

async fn a_change_to_a_taken_name_changes_nothing(store: Arc<dyn Store>, notes: Arc<Notes>) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    store.insert(user(2, "ann@acme", &["user"]), Beside::nothing()).await.unwrap();
    let change = UserChange {
        email: Some(Email::parse("ANN@acme").unwrap()),
        plan: Plan::parse("beta").ok(),
        ..UserChange::default()
    };
    assert_eq!(store.update(id(1), change, later(), Beside::nothing()).await, Err(WriteError::NameTaken));
    assert_eq!(store.find_by_id(id(1)).await, Ok(Some(user(1, "joe@acme", &["user"]))));
    assert_eq!(notes.take(), []);
}

async fn the_last_admin_stays(store: Arc<dyn Store>, _: Arc<Notes>) {
    assert_eq!(store.any_admin().await, Ok(false));
    store.insert(user(1, "root@acme", &["admin"]), Beside::nothing()).await.unwrap();
    store.insert(user(2, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    assert_eq!(store.any_admin().await, Ok(true));
    let lock_out = UserChange { is_active: Some(false), ..UserChange::default() };
    assert_eq!(
        store.delete(id(1), ticket(1), false, later(), Beside::nothing()).await,
        Err(WriteError::LastAdmin)
    );
    assert_eq!(
        store.update(id(1), scopes(&["user"]), later(), Beside::nothing()).await,
        Err(WriteError::LastAdmin)
    );
    assert_eq!(store.update(id(1), lock_out, later(), Beside::nothing()).await, Err(WriteError::LastAdmin));
    store.update(id(2), scopes(&["user", "admin"]), later(), Beside::nothing()).await.unwrap();
    store.delete(id(1), ticket(1), false, later(), Beside::nothing()).await.unwrap();
    assert_eq!(
        store.delete(id(2), ticket(2), false, later(), Beside::nothing()).await,
        Err(WriteError::LastAdmin)
    );
}

async fn two_admins_who_remove_each_other_at_once_leave_one(store: Arc<dyn Store>, _: Arc<Notes>) {
    for number in 0..20 {
        store
            .insert(user(number, &format!("root{number}@acme"), &["admin"]), Beside::nothing())
            .await
            .unwrap();
    }
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            if number % 2 == 0 {
                store.delete(id(number), ticket(number), false, later(), Beside::nothing()).await
            } else {
                store.update(id(number), scopes(&["user"]), later(), Beside::nothing()).await.map(drop)
            }
        });
    }
    let refused = tasks.join_all().await.into_iter().filter(|outcome| *outcome == Err(WriteError::LastAdmin));
    assert_eq!(refused.count(), 1);
    assert_eq!(store.any_admin().await, Ok(true));
}

async fn a_hash_is_replaced_only_while_it_is_the_one_that_was_seen(store: Arc<dyn Store>, _: Arc<Notes>) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    let hash = |text: &str| PasswordHash::from_phc(text.to_owned());
    assert_eq!(store.replace_hash(id(1), hash("$other"), hash("$new")).await, Ok(false));
    assert_eq!(store.replace_hash(id(1), hash("$hash$1"), hash("$new")).await, Ok(true));
    let joe = store.find_by_id(id(1)).await.unwrap().unwrap();
    assert_eq!(joe, User { password_hash: hash("$new"), ..user(1, "joe@acme", &["user"]) });
}

async fn a_deleted_user_is_gone_and_its_names_are_free(store: Arc<dyn Store>, notes: Arc<Notes>) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    store.delete(id(1), ticket(1), false, later(), Beside::nothing()).await.unwrap();
    assert_eq!(notes.take(), [Change::User(id(1))]);
    assert_eq!(store.find_by_id(id(1)).await, Ok(None));
    assert_eq!(store.find_by_login(&login("joe@acme")).await, Ok(None));
    assert_eq!(
        store.delete(id(1), ticket(1), false, later(), Beside::nothing()).await,
        Err(WriteError::NotFound)
    );
    store.insert(user(2, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
}

async fn a_ticket_answers_for_a_day_after_the_deletion_and_for_that_user_alone(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    const HOUR: i64 = 3_600_000;
    let after = |hours: i64| Timestamp::from_millis(LATER + hours * HOUR);
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    assert_eq!(store.was_deleted(id(1), ticket(1), later()).await, Ok(false));
    store.delete(id(1), ticket(1), false, later(), Beside::nothing()).await.unwrap();
    for (user, number, hours, answers) in
        [(1, 1, 0, true), (1, 1, 23, true), (1, 1, 24, false), (2, 1, 0, false), (1, 2, 0, false)]
    {
        assert_eq!(store.was_deleted(id(user), ticket(number), after(hours)).await, Ok(answers));
    }
    // What was refused has no ticket.
    assert_eq!(
        store.delete(id(9), ticket(9), false, later(), Beside::nothing()).await,
        Err(WriteError::NotFound)
    );
    assert_eq!(store.was_deleted(id(9), ticket(9), later()).await, Ok(false));
}

async fn lists_go_on_behind_the_last_id(store: Arc<dyn Store>, _: Arc<Notes>) {
    for number in [5, 3, 1, 4, 2] {
        store.insert(user(number, &format!("u{number}@acme"), &["user"]), Beside::nothing()).await.unwrap();
    }
    let ids = |users: Vec<User>| users.iter().map(|user| user.id).collect::<Vec<_>>();
    assert_eq!(ids(store.list(None, 2).await.unwrap()), [id(1), id(2)]);
    assert_eq!(ids(store.list(Some(id(2)), 2).await.unwrap()), [id(3), id(4)]);
    assert_eq!(ids(store.list(Some(id(4)), 2).await.unwrap()), [id(5)]);
    assert_eq!(ids(store.list(Some(id(5)), 2).await.unwrap()), []);
}

pub(crate) fn entry(key: &str, value: Value) -> ConfigEntry {
    ConfigEntry::new(ConfigKey::parse(key).unwrap(), value, 32).unwrap()
}

async fn configuration_entries_are_kept_as_they_are(store: Arc<dyn Store>, notes: Arc<Notes>) {
    assert_eq!(store.entries().await, Ok(vec![]));
    store.set(entry("OUR_OWN", json!({"b": 1, "a": [null]})), Beside::nothing()).await.unwrap();
    store.set(entry("APP_NAME", json!("Acme")), Beside::nothing()).await.unwrap();
    store.set(entry("APP_NAME", json!("Acme 2")), Beside::nothing()).await.unwrap();
    assert_eq!(notes.take(), [Change::Config; 3]);
    let expected = vec![entry("APP_NAME", json!("Acme 2")), entry("OUR_OWN", json!({"b": 1, "a": [null]}))];
    assert_eq!(store.entries().await, Ok(expected));
    let key = || ConfigKey::parse("APP_NAME").unwrap();
    assert_eq!(store.remove(key(), Beside::nothing()).await, Ok(true));
    assert_eq!(notes.take(), [Change::Config]);
    assert_eq!(store.remove(key(), Beside::nothing()).await, Ok(false));
    assert_eq!(notes.take(), []);
}

async fn the_number_of_configuration_entries_is_bounded(store: Arc<dyn Store>, _: Arc<Notes>) {
    let numbers: Vec<_> = (0..appmixer_core::MAX_ENTRIES).collect();
    // Not so many at once that some would be told to come back.
    for some in numbers.chunks(50) {
        let mut tasks = JoinSet::new();
        for &number in some {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                store.set(entry(&format!("K{number}"), json!(number)), Beside::nothing()).await
            });
        }
        assert!(tasks.join_all().await.iter().all(Result::is_ok));
    }
    let full = Err(appmixer_core::StoreError::TooMany(appmixer_core::MAX_ENTRIES));
    assert_eq!(store.set(entry("ONE_MORE", json!(1)), Beside::nothing()).await, full);
    assert_eq!(store.set(entry("K0", json!("changed")), Beside::nothing()).await, Ok(()));
    // What clients keep must not keep an administrator from closing a door.
    assert_eq!(store.set(entry("API_USER_CREATE_SCOPE", json!("admin")), Beside::nothing()).await, Ok(()));
}
