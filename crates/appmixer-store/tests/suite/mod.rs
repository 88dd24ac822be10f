//! What every store promises. Each kind of store gets one test of each promise, on a store of its own.

pub(crate) mod access_rules;
pub(crate) mod audit;
pub(crate) mod confirmation_codes;
pub(crate) mod daily;
pub(crate) mod finding;
pub(crate) mod first_admin;
pub(crate) mod import;
pub(crate) mod last_admin;
pub(crate) mod outbox;
pub(crate) mod reset_codes;
pub(crate) mod settings;
pub(crate) mod signing_keys;
pub(crate) mod spellings;
pub(crate) mod users;

use std::sync::Mutex;

use appmixer_core::{
    Change, ChangeListener, ConfigEntry, ConfigKey, LoginName, Metadata, Names, PasswordHash, Plan, Scopes,
    Ticket, Timestamp, User, UserChange, UserId, Username, Vendor,
};
use serde_json::Value;

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

pub(crate) fn entry(key: &str, value: Value) -> ConfigEntry {
    ConfigEntry::new(ConfigKey::parse(key).unwrap(), value, 32).unwrap()
}

/// Makes the tests of a kind of store. `$open` is an async function that opens a new store, with a listener that hears of
/// its changes, and returns what keeps the store alive as well.
macro_rules! every_promise {
    ($open:path) => {
        crate::suite::tests! { $open;
            users:
                a_user_is_found_as_it_was_by_id_and_by_every_spelling_of_its_names
                a_name_belongs_to_one_user_as_username_or_email
                of_many_who_want_a_name_at_once_one_gets_it
                a_change_is_seen_by_the_next_read_and_heard_of_before_its_answer
                a_change_that_was_overtaken_by_a_revocation_is_not_made
                a_change_to_a_taken_name_changes_nothing
                the_last_admin_stays
                two_admins_who_remove_each_other_at_once_leave_one
                a_hash_is_replaced_only_while_it_is_the_one_that_was_seen
                a_deleted_user_is_gone_and_its_names_are_free
                a_ticket_answers_for_a_day_after_the_deletion_and_for_that_user_alone
                lists_go_on_behind_the_last_id;
            spellings:
                another_spelling_of_a_taken_name_is_taken
                of_many_who_want_a_name_in_two_spellings_one_gets_it;
            last_admin:
                active_admins_who_stop_each_other_at_once_leave_one;
            first_admin:
                of_many_first_administrators_one_is_made_and_none_beside_another;
            finding:
                lists_counts_and_searches_find_who_is_there_and_nobody_else
                a_pattern_that_many_have_is_counted_and_paged_before_and_after_the_import_is_settled
                users_made_at_the_same_time_stand_in_the_order_in_which_they_came
                a_write_that_is_refused_leaves_lists_and_counts_as_they_were;
            settings:
                configuration_entries_are_kept_as_they_are
                the_number_of_configuration_entries_is_bounded;
            import:
                an_import_twice_is_an_import_once
                who_cannot_be_taken_keeps_nobody_else_out
                who_is_there_stays_or_is_replaced_as_asked
                an_import_leaves_an_administrator;
            access_rules:
                access_rules_are_kept_by_type_and_in_their_order
                of_many_replacements_at_once_one_stands_as_a_whole;
            audit:
                entries_are_shown_newest_first_and_as_they_were_kept
                a_change_leaves_its_entry_and_one_that_is_not_made_none
                of_many_changes_at_once_each_has_one_entry
                all_that_is_asked_for_holds_of_what_is_shown_and_nothing_is_left_out
                pages_have_every_entry_once_whatever_comes_meanwhile
                what_is_old_or_too_much_is_forgotten_a_little_at_a_time;
            daily:
                each_sign_in_and_sign_up_counts_once_on_its_day_and_nothing_else_does
                what_the_log_forgets_or_never_keeps_is_counted_nevertheless;
            reset_codes:
                a_code_sets_a_password_once_and_ends_tokens_and_other_codes
                a_code_is_good_until_it_expires
                nobodys_code_is_written_as_all_are_and_good_for_nothing
                a_user_has_a_few_codes_the_newest
                a_revocation_or_another_name_ends_codes_and_nothing_else_does
                of_many_who_use_a_code_at_once_one_wins;
            confirmation_codes:
                a_code_activates_its_user_once_and_ends_the_others
                a_code_expires_and_a_user_has_a_few_the_newest
                who_is_not_pending_gets_no_code_and_the_same_is_written
                whatever_changes_the_address_name_or_password_or_decides_ends_codes
                another_address_is_sent_a_code_of_its_own
                a_reset_code_confirms_a_pending_user_and_no_one_who_was_deactivated
                of_many_who_confirm_with_a_code_at_once_one_does
                of_a_code_and_another_address_at_once_no_unproved_address_becomes_active;
            outbox:
                a_message_is_kept_with_its_change_or_not_at_all
                a_message_that_was_taken_is_nobody_elses_until_the_claim_ends
                what_failed_is_due_again_when_it_was_said_and_shown_without_its_content
                of_many_who_take_at_once_each_gets_others
                a_channel_is_bounded_and_the_change_is_made_nevertheless
                whoever_waits_for_messages_hears_of_them;
            signing_keys:
                a_new_key_comes_last_and_those_that_sign_until_then_get_an_end
                a_replaced_key_ends_after_the_longest_token_that_it_has_signed
                of_many_who_add_a_first_key_one_does
                a_retired_key_is_gone_and_the_one_that_signs_is_not_retired
                keys_that_have_ended_are_forgotten_and_no_others
                the_number_of_keys_is_bounded_and_their_changes_are_in_the_log
                a_key_is_sealed_anew_only_if_it_is_what_was_read;
        }
    };
}
pub(crate) use every_promise;

macro_rules! tests {
    ($open:path; $($subject:ident: $($promise:ident)*;)*) => {$(
        mod $subject {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $promise() {
                    let notes = std::sync::Arc::new(crate::suite::Notes::default());
                    let (store, _kept) = $open(std::sync::Arc::clone(&notes)).await;
                    crate::suite::$subject::$promise(store, notes).await;
                }
            )*
        }
    )*};
}
pub(crate) use tests;
