//! What every store promises of the last administrator while only active users may sign in.

use std::sync::Arc;

use appmixer_core::{
    Beside, Email, Existing, Filter, Imported, Store, User, UserChange, UserQuery, WriteError,
};
use tokio::task::JoinSet;

use super::{Notes, id, later, scopes, ticket, user};

pub(crate) async fn active_admins_who_stop_each_other_at_once_leave_one(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    for number in 0..20 {
        let name = format!("root{number}@acme");
        // One who is not active is no help to the others.
        let root = User { is_active: number > 0, ..user(number, &name, &["admin"]) };
        store.insert(root, Beside::nothing()).await.unwrap();
    }
    let mut tasks = JoinSet::new();
    for number in 1..20 {
        let store = Arc::clone(&store);
        let change = |change| UserChange { require_active: true, ..change };
        tasks.spawn(async move {
            let update = |with| store.update(id(number), change(with), later(), Beside::nothing());
            match number % 5 {
                0 => store.delete(id(number), ticket(number), true, later(), Beside::nothing()).await,
                1 => update(scopes(&["user"])).await.map(drop),
                2 => {
                    let email = Email::parse(&format!("new{number}@acme")).ok();
                    update(UserChange { email, ..UserChange::default() }).await.map(drop)
                }
                3 => {
                    let name = format!("root{number}@acme");
                    let inactive = User { is_active: false, ..user(number, &name, &["admin"]) };
                    let existing = Existing::Replace { require_active: true };
                    let outcomes = store.import(vec![inactive], existing, later(), Beside::nothing()).await;
                    match outcomes.unwrap().as_slice() {
                        [Imported::LastAdmin] => Err(WriteError::LastAdmin),
                        _ => Ok(()),
                    }
                }
                _ => update(UserChange { is_active: Some(false), ..UserChange::default() }).await.map(drop),
            }
        });
    }
    let refused = tasks.join_all().await.into_iter().filter(|outcome| *outcome == Err(WriteError::LastAdmin));
    assert_eq!(refused.count(), 1);
    let filters = vec![Filter::parse("scope:admin").unwrap(), Filter::IsActive(true)];
    assert_eq!(store.count(UserQuery { filters, pattern: None }).await, Ok(1));
}
