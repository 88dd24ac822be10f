//! What every store promises of users.

use std::sync::Arc;

use appmixer_core::{
    Beside, Change, Email, Metadata, Names, PasswordHash, Plan, Store, Text, Timestamp, User, UserChange,
    Username, Vendor, WriteError,
};
use serde_json::{Map, json};
use tokio::task::JoinSet;

use super::{LATER, Notes, id, later, login, scopes, ticket, user};

pub(crate) async fn a_user_is_found_as_it_was_by_id_and_by_every_spelling_of_its_names(
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

pub(crate) async fn a_name_belongs_to_one_user_as_username_or_email(store: Arc<dyn Store>, _: Arc<Notes>) {
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

pub(crate) async fn of_many_who_want_a_name_at_once_one_gets_it(store: Arc<dyn Store>, _: Arc<Notes>) {
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

pub(crate) async fn a_change_is_seen_by_the_next_read_and_heard_of_before_its_answer(
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

pub(crate) async fn a_change_that_was_overtaken_by_a_revocation_is_not_made(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
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

pub(crate) async fn a_change_to_a_taken_name_changes_nothing(store: Arc<dyn Store>, notes: Arc<Notes>) {
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

pub(crate) async fn the_last_admin_stays(store: Arc<dyn Store>, _: Arc<Notes>) {
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

pub(crate) async fn two_admins_who_remove_each_other_at_once_leave_one(store: Arc<dyn Store>, _: Arc<Notes>) {
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

pub(crate) async fn a_hash_is_replaced_only_while_it_is_the_one_that_was_seen(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    let hash = |text: &str| PasswordHash::from_phc(text.to_owned());
    assert_eq!(store.replace_hash(id(1), hash("$other"), hash("$new")).await, Ok(false));
    assert_eq!(store.replace_hash(id(1), hash("$hash$1"), hash("$new")).await, Ok(true));
    let joe = store.find_by_id(id(1)).await.unwrap().unwrap();
    assert_eq!(joe, User { password_hash: hash("$new"), ..user(1, "joe@acme", &["user"]) });
}

pub(crate) async fn a_deleted_user_is_gone_and_its_names_are_free(store: Arc<dyn Store>, notes: Arc<Notes>) {
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

pub(crate) async fn a_ticket_answers_for_a_day_after_the_deletion_and_for_that_user_alone(
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

pub(crate) async fn lists_go_on_behind_the_last_id(store: Arc<dyn Store>, _: Arc<Notes>) {
    for number in [5, 3, 1, 4, 2] {
        store.insert(user(number, &format!("u{number}@acme"), &["user"]), Beside::nothing()).await.unwrap();
    }
    let ids = |users: Vec<User>| users.iter().map(|user| user.id).collect::<Vec<_>>();
    assert_eq!(ids(store.list(None, 2).await.unwrap()), [id(1), id(2)]);
    assert_eq!(ids(store.list(Some(id(2)), 2).await.unwrap()), [id(3), id(4)]);
    assert_eq!(ids(store.list(Some(id(4)), 2).await.unwrap()), [id(5)]);
    assert_eq!(ids(store.list(Some(id(5)), 2).await.unwrap()), []);
}
