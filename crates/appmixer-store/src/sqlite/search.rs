//! Lists, counts and searches of users.
//!
//! Every question is answered from where the fewest rows have to be looked at: the list in the wanted order, the users
//! of the rarest facet, or the hits in the text index. All of one answer is read in one transaction.

use appmixer_core::{Pattern, Sort, SortKey, StoreError, Stretch, UserPage, UserQuery};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::blocks::{self, Entry, List};
use super::error::JobError;
use super::grams::{self, Matching};
use super::index::ALL;
use super::{rows, sql};
use crate::kept::facet::kind_and_value;

/// So many hits in the text index are remembered; of more, only how many they are.
const FEW: usize = 5000;

type Found<T> = Result<T, JobError<StoreError>>;

pub(super) fn count(db: &Connection, query: &UserQuery) -> Found<u64> {
    let snapshot = db.unchecked_transaction()?;
    let total = Question::read(&snapshot, query)?.map_or(Ok(0), |question| question.total(&snapshot))?;
    Ok(u64::try_from(total).unwrap_or(0))
}

pub(super) fn page(db: &Connection, query: &UserQuery, sort: Sort, stretch: Stretch) -> Found<UserPage> {
    let snapshot = db.unchecked_transaction()?;
    let Some(question) = Question::read(&snapshot, query)? else {
        return Ok(UserPage { users: Vec::new(), total: 0 });
    };
    let total = question.total(&snapshot)?;
    let offset = i64::try_from(stretch.offset).unwrap_or(i64::MAX).min(total);
    let limit = i64::from(stretch.limit).min(total - offset);
    // A page behind the middle is read from the other end, and turned round.
    let turned = offset > total / 2;
    let page = Page {
        key: sort.key,
        descending: sort.descending != turned,
        offset: if turned { total - offset - limit } else { offset },
        limit,
    };
    let mut numbers = question.numbers(&snapshot, &page, total)?;
    if turned {
        numbers.reverse();
    }
    let mut statement = snapshot.prepare_cached(sql::FIND_BY_NUMBER)?;
    let mut users = Vec::with_capacity(numbers.len());
    for number in numbers {
        let mut found = statement.query([number])?;
        if let Some(row) = found.next()? {
            users.push(rows::user(row)?);
        }
    }
    Ok(UserPage { users, total: u64::try_from(total).unwrap_or(0) })
}

/// What is to be read: `offset` entries from the start of this order, `limit` of them.
struct Page {
    key: SortKey,
    descending: bool,
    offset: i64,
    limit: i64,
}

impl Page {
    const fn list(&self) -> List {
        match self.key {
            SortKey::Created => List::Created,
            SortKey::Username => List::Username,
            SortKey::Email => List::Email,
        }
    }
}

/// A facet, and how many users it has.
#[derive(Clone, Copy)]
struct Facet {
    id: i64,
    users: i64,
}

/// A pattern, and what the text index knows of it.
struct Text {
    folded: String,
    hits: Hits,
}

enum Hits {
    /// The numbers of the users.
    Few(Vec<i64>),
    /// How many there are, where that was asked for.
    Many(i64),
    /// A single character, which nearly every name contains: the index is not asked.
    Unknown,
}

/// What the users are asked for, as it stands in the database.
struct Question {
    everybody: i64,
    /// The rarest first.
    facets: Vec<Facet>,
    text: Option<Text>,
}

/// Where the rows come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The list in its order.
    List,
    /// The users of the rarest facet.
    Facet,
    /// The hits in the text index, while they are few.
    Text,
}

impl Question {
    /// `None` when a facet that is asked for has nobody.
    fn read(db: &Connection, query: &UserQuery) -> Found<Option<Self>> {
        let everybody = db.prepare_cached(sql::COUNT_ALL)?.query_one([ALL], |row| row.get(0))?;
        let mut facets: Vec<Facet> = Vec::new();
        for filter in &query.filters {
            let (kind, value) = kind_and_value(filter);
            let found = db
                .prepare_cached(sql::FIND_FACET)?
                .query_one([kind, value], |row| Ok(Facet { id: row.get(0)?, users: row.get(1)? }))
                .optional()?;
            match found {
                None => return Ok(None),
                Some(facet) if facets.iter().any(|known| known.id == facet.id) => {}
                Some(facet) => facets.push(facet),
            }
        }
        facets.sort_unstable_by_key(|facet| facet.users);
        // With a filter they are counted otherwise.
        let counted = facets.is_empty();
        let text = query.pattern.as_ref().map(|pattern| Text::read(db, pattern, counted)).transpose()?;
        Ok(Some(Self { everybody, facets, text }))
    }

    /// The source with the fewest rows, and how many it has.
    fn smallest(&self) -> (Source, i64) {
        let facet = self.facets.first().map(|facet| (Source::Facet, facet.users));
        let hits = self.few_hits().map(|hits| (Source::Text, i64::try_from(hits.len()).unwrap_or(i64::MAX)));
        let smallest = facet.into_iter().chain(hits).min_by_key(|(_, rows)| *rows);
        smallest.unwrap_or((Source::List, self.everybody))
    }

    fn few_hits(&self) -> Option<&[i64]> {
        match &self.text {
            Some(Text { hits: Hits::Few(hits), .. }) => Some(hits),
            _ => None,
        }
    }

    fn total(&self, db: &Connection) -> Found<i64> {
        let (smallest, rows) = self.smallest();
        match (self.facets.as_slice(), &self.text) {
            ([] | [_], None) | ([], Some(Text { hits: Hits::Few(_), .. })) => Ok(rows),
            ([], Some(Text { hits: Hits::Many(users), .. })) => Ok(*users),
            ([], Some(Text { folded, hits: Hits::Unknown })) => {
                Ok(db.prepare_cached(sql::COUNT_NAMED)?.query_one([folded], |row| row.get(0))?)
            }
            _ => {
                let Statement { sql, params } = self.statement(smallest, None)?;
                Ok(db.prepare_cached(&sql)?.query_one(params_from_iter(params), |row| row.get(0))?)
            }
        }
    }

    /// The numbers of the users on a page.
    fn numbers(&self, db: &Connection, page: &Page, total: i64) -> Found<Vec<i64>> {
        if page.limit <= 0 {
            return Ok(Vec::new());
        }
        if self.facets.is_empty() && self.text.is_none() {
            return plain(db, page, total);
        }
        let (smallest, rows) = self.smallest();
        // Rows of the list that are passed until the page is full, if those that are wanted are spread evenly.
        let passed = (page.offset + page.limit).saturating_mul(self.everybody) / total.max(1);
        let in_order = smallest == Source::Facet && page.key == SortKey::Created;
        let source = if in_order || rows <= passed { smallest } else { Source::List };
        let Statement { sql, params } = self.statement(source, Some(page))?;
        let mut statement = db.prepare_cached(&sql)?;
        let numbers =
            statement.query_map(params_from_iter(params), |row| row.get(0))?.collect::<Result<_, _>>();
        Ok(numbers?)
    }

    /// Counts, or reads a page.
    fn statement(&self, source: Source, page: Option<&Page>) -> Found<Statement> {
        let facets = if source == Source::Facet { &self.facets[1..] } else { &self.facets };
        let text = self.text.as_ref().filter(|_| source != Source::Text);
        let list = page.map_or(List::Created, Page::list);
        // Rows of users are long, and far apart: they are looked at only for what the source does not have.
        let created_is_asked = !facets.is_empty() || (page.is_some() && list == List::Created);
        let mut statement = Statement::default();
        let Columns { user, created } = statement.from(source, list, self, created_is_asked)?;
        for facet in facets {
            let condition = format!(
                "EXISTS (SELECT 1 FROM user_facets AS other \
                 WHERE other.facet = ? AND other.created = {created} AND other.user = {user})"
            );
            statement.condition(&condition, Some(Value::Integer(facet.id)));
        }
        if let Some(text) = text {
            let condition = format!(
                "EXISTS (SELECT 1 FROM names AS any_name \
                 WHERE any_name.user = {user} AND instr(any_name.folded, ?))"
            );
            statement.condition(&condition, Some(Value::Text(text.folded.clone())));
        }
        Ok(statement.finish(user, created, page))
    }
}

impl Text {
    fn read(db: &Connection, pattern: &Pattern, counted: bool) -> Found<Self> {
        let folded = pattern.folded().to_owned();
        let question = match grams::matching(&folded) {
            Matching::Question(question) => question,
            Matching::Nobody => return Ok(Self { folded, hits: Hits::Few(Vec::new()) }),
            Matching::Everybody => return Ok(Self { folded, hits: Hits::Unknown }),
        };
        let mut statement = db.prepare_cached(sql::HITS)?;
        let mut found = statement.query_map([question], |row| row.get(0))?;
        let hits: Vec<i64> = found.by_ref().take(FEW + 1).collect::<Result<_, _>>()?;
        if hits.len() <= FEW {
            return Ok(Self { folded, hits: Hits::Few(hits) });
        }
        let mut users = i64::try_from(hits.len()).unwrap_or(i64::MAX);
        if counted {
            for hit in found {
                hit?;
                users += 1;
            }
        }
        Ok(Self { folded, hits: Hits::Many(users) })
    }
}

/// A page of all users: the blocks tell where it begins.
fn plain(db: &Connection, page: &Page, total: i64) -> Found<Vec<i64>> {
    let first = if page.descending { total - page.offset - page.limit } else { page.offset };
    let list = page.list();
    let (block, before) = blocks::at(db, list, first, total)?;
    let skipped = first - before;
    let read = |row: &rusqlite::Row<'_>| row.get(0);
    let numbers: rusqlite::Result<Vec<i64>> = match (block, list) {
        (Entry::Created(created, user), _) => db
            .prepare_cached(sql::PAGE_BY_CREATED)?
            .query_map((created, user, page.limit, skipped), read)?
            .collect(),
        (Entry::Name(name), List::Email) => {
            db.prepare_cached(sql::PAGE_BY_EMAIL)?.query_map((name, page.limit, skipped), read)?.collect()
        }
        (Entry::Name(name), _) => {
            db.prepare_cached(sql::PAGE_BY_USERNAME)?.query_map((name, page.limit, skipped), read)?.collect()
        }
    };
    let mut numbers = numbers?;
    if page.descending {
        numbers.reverse();
    }
    Ok(numbers)
}

/// A statement that is being put together, and its parameters in order. Only fixed text goes into it.
#[derive(Default)]
struct Statement {
    sql: String,
    params: Vec<Value>,
}

/// Where a source has a user's number, and the time of creation.
struct Columns {
    user: &'static str,
    created: &'static str,
}

impl Statement {
    /// Begins with a source, and the names that the list is in the order of.
    fn from(
        &mut self,
        source: Source,
        list: List,
        question: &Question,
        created_is_asked: bool,
    ) -> Found<Columns> {
        let role = match list {
            List::Created => None,
            List::Username => Some("names.is_username"),
            List::Email => Some("names.is_email"),
        };
        let (table, own) = match source {
            Source::List if role.is_some() => {
                ("names", Columns { user: "names.user", created: "users.created" })
            }
            Source::List => ("users", Columns { user: "users.number", created: "users.created" }),
            Source::Facet => {
                ("user_facets", Columns { user: "user_facets.user", created: "user_facets.created" })
            }
            Source::Text => {
                ("json_each(?) AS hits", Columns { user: "hits.value", created: "users.created" })
            }
        };
        self.sql.push_str(" FROM ");
        self.sql.push_str(table);
        if created_is_asked && table != "users" && own.created == "users.created" {
            self.sql.push_str(" CROSS JOIN users ON users.number = ");
            self.sql.push_str(own.user);
        }
        if role.is_some() && table != "names" {
            self.sql.push_str(" CROSS JOIN names ON names.user = ");
            self.sql.push_str(own.user);
        }
        self.sql.push_str(" WHERE true");
        match source {
            Source::List => {}
            Source::Facet => {
                let rarest = question.facets.first().map_or(0, |facet| facet.id);
                self.condition("user_facets.facet = ?", Some(Value::Integer(rarest)));
            }
            Source::Text => {
                let hits = serde_json::to_string(question.few_hits().unwrap_or_default());
                let hits = hits.map_err(|error| StoreError::Internal(error.to_string()))?;
                self.params.push(Value::Text(hits));
            }
        }
        if let Some(role) = role {
            self.condition(role, None);
        }
        Ok(own)
    }

    fn condition(&mut self, condition: &str, param: Option<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.params.extend(param);
    }

    fn finish(mut self, user: &str, created: &str, page: Option<&Page>) -> Self {
        let Some(page) = page else {
            self.sql.insert_str(0, "SELECT count(*)");
            return self;
        };
        let direction = if page.descending { "DESC" } else { "ASC" };
        let order = match page.list() {
            List::Created => format!("{created} {direction}, {user} {direction}"),
            List::Username | List::Email => format!("names.folded {direction}"),
        };
        self.sql = format!("SELECT {user}{} ORDER BY {order} LIMIT ? OFFSET ?", self.sql);
        self.params.extend([Value::Integer(page.limit), Value::Integer(page.offset)]);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::sql::tests::{empty_database, plan};
    use super::*;

    #[test]
    fn every_question_walks_its_source_and_looks_everything_else_up() {
        let (_folder, db) = empty_database();
        let facet = |id| Facet { id, users: 1 };
        let text = || Some(Text { folded: "joe".to_owned(), hits: Hits::Few(vec![1, 2]) });
        for (source, facets, text) in [
            (Source::List, vec![facet(2)], None),
            (Source::List, vec![facet(2), facet(3)], text()),
            (Source::Facet, vec![facet(2)], None),
            (Source::Facet, vec![facet(2), facet(3)], text()),
            (Source::Text, vec![], text()),
            (Source::Text, vec![facet(2)], text()),
        ] {
            let question = Question { everybody: 10, facets, text };
            for key in [SortKey::Created, SortKey::Username, SortKey::Email] {
                let page = Page { key, descending: true, offset: 0, limit: 10 };
                let plan = plan(&db, &question.statement(source, Some(&page)).ok().unwrap().sql);
                let walked = match (source, key) {
                    (Source::List, SortKey::Created) => "SCAN users USING COVERING INDEX users_by_created",
                    (Source::List, _) => "SCAN names",
                    (Source::Facet, _) => "SEARCH user_facets USING PRIMARY KEY (facet=?)",
                    (Source::Text, _) => "SCAN hits VIRTUAL TABLE INDEX 1:",
                };
                assert_eq!(plan[0], walked, "{plan:?}");
                let scanned = plan[1..].iter().any(|step| step.starts_with("SCAN"));
                let sorted = plan.iter().any(|step| step.contains("TEMP B-TREE"));
                let in_order = source == Source::List || (source == Source::Facet && key == SortKey::Created);
                assert!(!scanned && sorted != in_order, "{plan:?}");
            }
        }
    }
}
