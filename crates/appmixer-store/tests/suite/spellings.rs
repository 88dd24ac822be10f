//! A name has one owner, in whatever spelling of its domain.

use std::sync::Arc;

use appmixer_core::{Beside, Existing, Imported, Store, Timestamp, User, UserChange, Username, WriteError};
use tokio::task::JoinSet;

use super::{Notes, ticket};

fn user(number: u32, name: &str) -> User {
    super::user(number, name, &["user"])
}

const U_LABEL: &str = "joe@b\u{fc}cher.example";
const A_LABEL: &str = "joe@xn--bcher-kva.example";

pub(crate) async fn another_spelling_of_a_taken_name_is_taken(store: Arc<dyn Store>, _: Arc<Notes>) {
    let insert = |user: User| store.insert(user, Beside::nothing());
    // With more labels than there are combinations that are looked up.
    let many = ["\u{fc}", "xn--tda"].map(|label| format!("joe@{}", [label; 12].join(".")));
    let [many_u, many_a] = [many[0].as_str(), many[1].as_str()];
    let pairs = [[U_LABEL, A_LABEL], [A_LABEL, U_LABEL], [many_u, many_a], [many_a, many_u]];
    for (number, [first, second]) in pairs.into_iter().enumerate() {
        let number = u32::try_from(number).unwrap() * 10;
        let joe = user(number + 1, first);
        insert(joe.clone()).await.unwrap();
        assert_eq!(insert(user(number + 2, second)).await, Err(WriteError::NameTaken));
        let ann = user(number + 3, "ann@acme");
        insert(ann.clone()).await.unwrap();
        let rename =
            |name: &str| UserChange { username: Username::parse(name).ok(), ..UserChange::default() };
        let now = Timestamp::from_seconds(1_800_000_000);
        let taken = store.update(ann.id, rename(second), now, Beside::nothing()).await;
        assert_eq!(taken, Err(WriteError::NameTaken));
        // One's own name may be spelled in another way; a name is found as it is stored.
        store.update(joe.id, rename(second), now, Beside::nothing()).await.unwrap();
        assert!(store.find_by_login(Username::parse(second).unwrap().as_login()).await.unwrap().is_some());
        for (id, number) in [(joe.id, number + 1), (ann.id, number + 3)] {
            store.delete(id, ticket(number), false, now, Beside::nothing()).await.unwrap();
        }
    }

    // What an import brings stays as it was elsewhere.
    let both = vec![user(41, U_LABEL), user(42, A_LABEL)];
    let now = Timestamp::from_seconds(1_800_000_000);
    let outcome = store.import(both, Existing::Keep, now, Beside::nothing()).await;
    assert_eq!(outcome, Ok(vec![Imported::Inserted; 2]));
}

pub(crate) async fn of_many_who_want_a_name_in_two_spellings_one_gets_it(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let mut wanted = JoinSet::new();
    for number in 1..=12 {
        let store = Arc::clone(&store);
        let name = if number % 2 == 0 { U_LABEL } else { A_LABEL };
        wanted.spawn(async move { store.insert(user(number, name), Beside::nothing()).await });
    }
    let outcomes = wanted.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(WriteError::NameTaken))),
        "{outcomes:?}"
    );
}
