//! What every store promises of taking over users.

use std::sync::Arc;

use appmixer_core::Imported::{Differs, Inserted, LastAdmin, NameTaken, Unchanged, Updated};
use appmixer_core::{
    Beside, Change, Email, Existing, Names, PasswordHash, Plan, Store, Timestamp, User, Username,
};

use super::{LATER, Notes, id, later, login, user};

fn named(number: u32, username: &str, email: &str) -> User {
    let names = Names { username: Username::parse(username).unwrap(), email: Email::parse(email).unwrap() };
    User { names, ..user(number, "x@x", &["user"]) }
}

pub(crate) async fn an_import_twice_is_an_import_once(store: Arc<dyn Store>, notes: Arc<Notes>) {
    let users: Vec<_> =
        (1..=500).map(|number| named(number, &format!("u{number}@acme"), &format!("{number}@x"))).collect();
    for outcome in [Inserted, Unchanged] {
        let checked = store.check_import(users.clone(), Existing::Keep).await;
        assert_eq!(checked, Ok(vec![outcome; 500]));
        assert_eq!(
            store.import(users.clone(), Existing::Keep, later(), Beside::nothing()).await,
            Ok(vec![outcome; 500])
        );
    }
    assert_eq!(store.list(None, 1000).await, Ok(users));
    assert_eq!(store.find_by_login(&login("7@X")).await.unwrap().unwrap().id, id(7));
    assert_eq!(notes.take(), []);
    assert_eq!(store.import(Vec::new(), Existing::Keep, later(), Beside::nothing()).await, Ok(vec![]));
}

pub(crate) async fn who_cannot_be_taken_keeps_nobody_else_out(store: Arc<dyn Store>, _: Arc<Notes>) {
    store.insert(named(1, "joe@acme", "joe@x"), Beside::nothing()).await.unwrap();
    let users = vec![
        named(2, "ann@acme", "JOE@ACME"),
        named(3, "new@acme", "new@x"),
        named(4, "four@acme", "New@X"),
        named(3, "new@acme", "new@x"),
        User { plan: Plan::parse("beta").unwrap(), ..named(3, "new@acme", "new@x") },
        named(5, "ann@acme", "ann@x"),
    ];
    let outcomes = store.import(users, Existing::Keep, later(), Beside::nothing()).await;
    assert_eq!(outcomes, Ok(vec![NameTaken, Inserted, NameTaken, Unchanged, Differs, Inserted]));
    let ids: Vec<_> = store.list(None, 100).await.unwrap().into_iter().map(|user| user.id).collect();
    assert_eq!(ids, [id(1), id(3), id(5)]);
    // Who was refused left nothing behind.
    assert_eq!(store.find_by_login(&login("four@acme")).await, Ok(None));
}

pub(crate) async fn who_is_there_stays_or_is_replaced_as_asked(store: Arc<dyn Store>, notes: Arc<Notes>) {
    let old = User { generation: 3, ..named(1, "joe@acme", "joe@x") };
    store.insert(old.clone(), Beside::nothing()).await.unwrap();
    store.insert(named(2, "ann@acme", "ann@x"), Beside::nothing()).await.unwrap();
    let new = User {
        password_hash: PasswordHash::from_phc("$new".to_owned()),
        metadata: old.metadata.clone(),
        title: appmixer_core::Text::parse("Dr.").ok(),
        created: Timestamp::from_seconds(1),
        ..named(1, "joseph@acme", "joe@x")
    };
    for (existing, outcome) in
        [(Existing::Keep, Differs), (Existing::Replace { require_active: false }, Updated)]
    {
        assert_eq!(store.check_import(vec![new.clone()], existing).await, Ok(vec![outcome]));
        assert_eq!(store.find_by_id(id(1)).await, Ok(Some(old.clone())));
        assert_eq!(
            store.import(vec![new.clone()], existing, later(), Beside::nothing()).await,
            Ok(vec![outcome])
        );
    }
    assert_eq!(notes.take(), [Change::Everything]);
    let found = store.find_by_login(&login("joseph@acme")).await.unwrap().unwrap();
    assert_eq!(found, User { generation: 4, modified: Timestamp::from_millis(LATER), ..new.clone() });
    assert_eq!(store.find_by_login(&login("joe@acme")).await, Ok(None));
    // Once more: nothing is left to do, and a name of somebody else's is none to take.
    let taken = named(1, "ann@acme", "joe@x");
    let outcomes = store
        .import(vec![new, taken], Existing::Replace { require_active: false }, later(), Beside::nothing())
        .await;
    assert_eq!(outcomes, Ok(vec![Unchanged, NameTaken]));
    assert_eq!(store.find_by_id(id(1)).await, Ok(Some(found)));
}

pub(crate) async fn an_import_leaves_an_administrator(store: Arc<dyn Store>, _: Arc<Notes>) {
    for number in [1, 2] {
        store
            .insert(user(number, &format!("root{number}@acme"), &["admin"]), Beside::nothing())
            .await
            .unwrap();
    }
    let demoted: Vec<_> =
        [1, 2].into_iter().map(|number| user(number, &format!("root{number}@acme"), &["user"])).collect();
    let outcomes =
        store.import(demoted, Existing::Replace { require_active: false }, later(), Beside::nothing()).await;
    assert_eq!(outcomes, Ok(vec![Updated, LastAdmin]));
    assert_eq!(store.any_admin().await, Ok(true));
}
