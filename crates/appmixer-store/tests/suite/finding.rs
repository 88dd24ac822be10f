//! What every store promises of lists, counts and searches: the answers of a list that is kept in memory and looked
//! through from end to end.

use std::sync::Arc;

use appmixer_core::{
    Beside, Email, Existing, Filter, LoginName, Names, Pattern, Plan, Scopes, Sort, SortKey, Store, Stretch,
    Text, Ticket, Timestamp, Turn, User, UserChange, UserPage, UserQuery, Username, Vendor,
};
use tokio::task::JoinSet;

use super::{Notes, id, later, ticket, user};

/// Enough that lists are divided into several blocks, and are put together again when users go.
const USERS: u32 = 3000;

/// A user with some of everything, by the number.
fn varied(number: u32) -> User {
    let scattered = number.wrapping_mul(2_654_435_761) % 1_000_003;
    let first = ["joe", "Anna", "ŽOFIE", "wei", "o'neil\"", "x_y%z"][(scattered % 6) as usize];
    let username = format!("{first}.{scattered}@tenant{}.example", scattered % 97);
    let email = format!("mail{scattered}@Box{}", scattered % 7);
    let scopes: &[&str] = match scattered % 10 {
        0 => &["user", "acme1"],
        1 => &["user", "acme1", "tester"],
        2 if scattered % 40 == 2 => &["user", "rare"],
        _ => &["user"],
    };
    let vendor: &[&str] = if scattered.is_multiple_of(3) { &["acme", "other", "acme"] } else { &["other"] };
    User {
        names: Names::new(
            Username::parse(&username).ok(),
            (scattered.is_multiple_of(4)).then(|| Email::parse(&email).unwrap()),
        )
        .unwrap(),
        plan: if scattered.is_multiple_of(50) { Plan::parse("beta").unwrap() } else { Plan::free() },
        is_active: scattered.is_multiple_of(5),
        confirmation_pending: scattered % 5 == 1,
        vendor: if scattered.is_multiple_of(2) { Vendor::parse(vendor).unwrap() } else { Vendor::NONE },
        created: Timestamp::from_millis(1_500_000_000_000 + i64::from(scattered) * 1000),
        ..user(number, "x@x", scopes)
    }
}

/// Does the same to a store and to a list in memory.
struct Both {
    store: Arc<dyn Store>,
    model: Vec<User>,
}

impl Both {
    async fn insert(&mut self, users: Vec<User>) {
        let mut inserts = JoinSet::new();
        for user in users {
            let store = Arc::clone(&self.store);
            self.model.push(user.clone());
            inserts.spawn(async move { store.insert(user, Beside::nothing()).await.unwrap() });
            // The queue of writes is bounded.
            if inserts.len() > 500 {
                inserts.join_next().await;
            }
        }
        inserts.join_all().await;
    }

    async fn update(&mut self, at: usize, change: UserChange) {
        let id = self.model[at].id;
        self.model[at] = self.store.update(id, change, later(), Beside::nothing()).await.unwrap();
    }

    async fn delete_where(&mut self, gone: impl Fn(&User) -> bool) {
        let (gone, kept) = std::mem::take(&mut self.model).into_iter().partition(|user| gone(user));
        self.model = kept;
        let gone: Vec<User> = gone;
        for user in gone {
            self.store
                .delete(user.id, Ticket::new(user.id), false, later(), Beside::nothing())
                .await
                .unwrap();
        }
    }

    /// Asks both.
    async fn agree(&self, filters: &[&str], pattern: Option<&str>) {
        let query = UserQuery {
            filters: filters.iter().map(|text| Filter::parse(text).unwrap()).collect(),
            pattern: pattern.map(|text| Pattern::parse(text).unwrap()),
        };
        let mut wanted: Vec<&User> = self.model.iter().filter(|user| holds(&query, user)).collect();
        let total = wanted.len() as u64;
        assert_eq!(self.store.count(query.clone()).await, Ok(total), "{filters:?} {pattern:?}");
        for key in [SortKey::Created, SortKey::Username, SortKey::Email] {
            let place = |user: &User| match key {
                SortKey::Created => format!("{:020}", user.created.millis()),
                SortKey::Username => user.names.username.as_login().folded().to_owned(),
                SortKey::Email => user.names.email.as_login().folded().to_owned(),
            };
            wanted.sort_by_cached_key(|user| place(user));
            for descending in [false, true] {
                let sort = Sort { key, descending };
                for offset in [0, 7, total / 2, total.saturating_sub(3), total + 1] {
                    let stretch = Stretch { offset, limit: 10 };
                    let in_order: Box<dyn Iterator<Item = &&User>> =
                        if descending { Box::new(wanted.iter().rev()) } else { Box::new(wanted.iter()) };
                    let users =
                        in_order.skip(usize::try_from(offset).unwrap()).take(10).map(|user| (*user).clone());
                    let expected = UserPage { users: users.collect(), total };
                    let found = self.store.search(query.clone(), sort, stretch).await.unwrap();
                    assert_eq!(names(&found), names(&expected), "{filters:?} {pattern:?} {sort:?} {offset}");
                    assert_eq!(found, expected);
                }
            }
        }
    }

    async fn agree_on_everything(&self) {
        self.agree_on_every(1, 0).await;
    }

    /// Asks every `step`th question, from this one on. All are asked where that shows most; they are many.
    async fn agree_on_every(&self, step: usize, from: usize) {
        let filters = FILTERS.iter().map(|filters| (*filters, None));
        let patterns = PATTERNS.iter().map(|pattern| (&[][..], Some(*pattern)));
        let both = FILTERS_AND_PATTERNS.iter().map(|(filters, pattern)| (*filters, Some(*pattern)));
        for (filters, pattern) in filters.chain(patterns).chain(both).skip(from).step_by(step) {
            self.agree(filters, pattern).await;
        }
    }
}

const FILTERS: &[&[&str]] = &[
    &[],
    &["scope:user"],
    &["scope:acme1"],
    &["scope:rare"],
    &["scope:nobody"],
    &["plan:free"],
    &["plan:beta"],
    &["vendor:acme"],
    &["isActive:true"],
    &["isActive:false", "plan:free"],
    &["pending"],
    &["pending", "isActive:false", "vendor:acme"],
    &["scope:acme1", "scope:tester", "vendor:other"],
    &["scope:user", "scope:user", "isActive:true", "plan:beta"],
];

const PATTERNS: &[&str] = &[
    "joe",
    "JOE",
    "žofie",
    "nnA.1",
    "@tenant5",
    "example",
    "mail7",
    ".e",
    "zz",
    "7",
    "Ž",
    "%",
    "_",
    "\"",
    "o'neil\"",
    "x_y%z",
    "nobody-at-all",
    "ample",
    "@box3",
    "le",
    "\\",
    "NOT",
    "a OR b",
    "joe*",
    "-",
];

const FILTERS_AND_PATTERNS: &[(&[&str], &str)] = &[
    (&["scope:user"], "joe"),
    (&["scope:rare"], "an"),
    (&["scope:acme1", "isActive:true"], "tenant1"),
    (&["plan:beta"], "e"),
    (&["plan:free", "isActive:false"], "example"),
    (&["scope:nobody"], "joe"),
];

fn holds(query: &UserQuery, user: &User) -> bool {
    let has = |name: &LoginName| {
        query.pattern.as_ref().is_none_or(|pattern| name.folded().contains(pattern.folded()))
    };
    query.filters.iter().all(|filter| Filter::all_of(user).any(|of_user| of_user == *filter))
        && user.names.logins().any(has)
}

fn names(page: &UserPage) -> Vec<&str> {
    page.users.iter().map(|user| user.names.username.as_str()).collect()
}

pub(crate) async fn lists_counts_and_searches_find_who_is_there_and_nobody_else(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let mut both = Both { store, model: Vec::new() };
    both.agree_on_everything().await;
    both.insert((0..USERS).map(varied).collect()).await;
    both.agree_on_everything().await;

    for at in (0..both.model.len()).step_by(11) {
        let change = match at % 3 {
            0 => UserChange {
                username: Username::parse(&format!("renamed{at}@zz.example")).ok(),
                ..UserChange::default()
            },
            1 => UserChange {
                scopes: Scopes::parse(["rare"]).ok(),
                plan: Plan::parse("beta").ok(),
                ..UserChange::default()
            },
            _ => UserChange {
                email: Email::parse(&format!("{at}@new")).ok(),
                is_active: Some(at % 2 == 0),
                vendor: Vendor::parse(["acme"]).ok(),
                ..UserChange::default()
            },
        };
        both.update(at, change).await;
    }
    both.agree_on_every(3, 0).await;
    both.agree(&[], Some("renamed")).await;

    // Whole blocks go, and some users stay here and there.
    let middle = Timestamp::from_millis(1_500_000_000_000 + 700_000_000);
    both.delete_where(|user| user.created < middle && user.created.millis() % 9000 != 0).await;
    both.agree_on_every(3, 1).await;
    both.insert((USERS..USERS + 300).map(varied).collect()).await;
    both.agree_on_every(3, 2).await;

    both.delete_where(|_| true).await;
    both.agree_on_everything().await;
}

/// More than a store remembers the numbers of while it looks for more.
const MANY: u32 = 6000;

pub(crate) async fn a_pattern_that_many_have_is_counted_and_paged_before_and_after_the_import_is_settled(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let both = Both { store: Arc::clone(&store), model: (0..MANY).map(varied).collect() };
    for users in both.model.chunks(1000) {
        store.import(users.to_vec(), Existing::Keep, later(), Beside::nothing()).await.unwrap();
    }
    for settled in [false, true] {
        for (filters, pattern) in [
            (&[][..], "example"),
            (&[], "ex"),
            (&[], "nt1"),
            (&["isActive:true"], "@tenant"),
            (&["scope:rare"], "exam"),
        ] {
            both.agree(filters, Some(pattern)).await;
        }
        let mut first = true;
        while !settled && store.settle_import(MANY.into(), first, Turn::Short).await.unwrap() {
            first = false;
        }
    }
}

pub(crate) async fn users_made_at_the_same_time_stand_in_the_order_in_which_they_came(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    for number in [3, 1, 2] {
        let user = User { created: later(), ..user(number, &format!("{number}@x"), &["user"]) };
        store.insert(user, Beside::nothing()).await.unwrap();
    }
    let ids = async |descending, filters: Vec<Filter>| {
        let sort = Sort { key: SortKey::Created, descending };
        let query = UserQuery { filters, pattern: None };
        let page = store.search(query, sort, Stretch { offset: 0, limit: 10 }).await.unwrap();
        page.users.iter().map(|user| user.id).collect::<Vec<_>>()
    };
    for filters in [vec![], vec![Filter::Plan(Plan::free())]] {
        assert_eq!(ids(false, filters.clone()).await, [id(3), id(1), id(2)]);
        assert_eq!(ids(true, filters).await, [id(2), id(1), id(3)]);
    }
}

pub(crate) async fn a_write_that_is_refused_leaves_lists_and_counts_as_they_were(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    store.insert(user(1, "joe@x", &["user", "admin"]), Beside::nothing()).await.unwrap();
    store.insert(user(2, "joe@x", &["user", "other"]), Beside::nothing()).await.unwrap_err();
    let taken = UserChange { username: Username::parse("ann@x").ok(), ..UserChange::default() };
    store.insert(user(3, "ann@x", &["user"]), Beside::nothing()).await.unwrap();
    store.update(id(1), taken, later(), Beside::nothing()).await.unwrap_err();
    store.delete(id(1), ticket(1), false, later(), Beside::nothing()).await.unwrap_err();
    let count = async |filter: Option<Filter>, pattern: Option<&str>| {
        let pattern = pattern.map(|text| Pattern::parse(text).unwrap());
        store.count(UserQuery { filters: filter.into_iter().collect(), pattern }).await.unwrap()
    };
    assert_eq!(count(None, None).await, 2);
    assert_eq!(count(None, Some("joe@x")).await, 1);
    assert_eq!(count(None, Some("ann@x")).await, 1);
    assert_eq!(count(Filter::parse("scope:other").ok(), None).await, 0);
    assert_eq!(count(Text::parse("acme").ok().map(Filter::Vendor), None).await, 0);
    assert_eq!(count(Filter::parse("scope:user").ok(), None).await, 2);
}
