//! Keeps users in a SQLite file: make one, find it by any spelling of its name, change it.
//!
//! ```sh
//! cargo run -p appmixer-store --example keep_users -- /tmp/example.sqlite
//! ```

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

use std::error::Error;
use std::sync::Arc;

use appmixer_core::{
    Beside, Change, ChangeListener, Clock, IdGenerator, LoginName, Metadata, Names, PasswordHash, Plan,
    Scopes, SystemClock, User, UserChange, Username, Users, Vendor, WriteError,
};
use appmixer_store::{Role, SqliteStore};

/// Prints what changes. A server would forget what it remembers of the user.
struct Print;

impl ChangeListener for Print {
    fn changed(&self, change: Change) {
        println!("changed: {change:?}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: keep_users FILE")?;
    let store = SqliteStore::open(path.as_ref(), Role::Server, Arc::new(Print))?;

    let now = SystemClock.now();
    // A real program seeds its ids at random.
    let id = IdGenerator::new(now.millis().to_be_bytes()).next(now);
    let names = Names::new(Some(Username::parse("Joe@Acme")?), None).ok_or("a user needs a name")?;
    let joe = User {
        id,
        names,
        // `appmixer-password` makes these.
        password_hash: PasswordHash::from_phc("$argon2id$v=19$m=19456,t=2,p=1$…".into()),
        scopes: Scopes::of_new_user(),
        plan: Plan::free(),
        is_active: false,
        vendor: Vendor::NONE,
        allowed_private_components: Vec::new(),
        phone_number: None,
        title: None,
        metadata: Metadata::default(),
        created: now,
        modified: now,
        generation: 0,
        confirmation_pending: false,
        address_vouched: false,
    };
    match store.insert(joe, Beside::nothing()).await {
        Ok(()) => println!("made {id}"),
        Err(WriteError::NameTaken) => println!("joe@acme is there already"),
        Err(error) => return Err(error.into()),
    }

    let found = store.find_by_login(&LoginName::parse("JOE@acme")?).await?.ok_or("joe@acme has gone")?;
    let change = UserChange { plan: Some(Plan::parse("beta")?), ..UserChange::default() };
    let changed = store.update(found.id, change, SystemClock.now(), Beside::nothing()).await?;
    println!("{} is on plan {}", changed.names.username.as_str(), changed.plan.as_str());
    Ok(())
}
