//! Lists, counts and searches of users.
//!
//! A question is answered from where the fewest rows have to be looked at: the list in the wanted order, the users of
//! the rarest facet, or the names that contain the pattern. All of one answer is read at one moment.

use std::collections::HashMap;

use appmixer_core::{Pattern, Sort, SortKey, StoreError, Stretch, User, UserPage, UserQuery};
use tokio_postgres::types::{ToSql, Type};

use super::db::Db;
use super::error::Stop;
use super::index::Facet;
use super::lists::{self, List};
use super::rows::{self, columns};
use super::sql::statements;

/// So many hits of a pattern are gathered before another way is thought of.
const FEW: i64 = 5000;

statements! {
    COUNTS = "SELECT facet, CAST(sum(users) AS BIGINT) FROM facet_counts WHERE facet = ANY ($1) GROUP BY facet",
        [BYTEA_ARRAY];
    FIND_BY_NUMBERS = concat!("SELECT ", columns!(), " FROM users WHERE number = ANY ($1)"), [INT8_ARRAY];
}

/// Planned for the pattern: whether an index helps depends on it. A user has two names at most.
const HITS: &str = "SELECT DISTINCT user_number FROM \
     (SELECT user_number FROM names WHERE folded LIKE $1 LIMIT $2) AS hits";
const COUNT_HITS: &str = "SELECT count(DISTINCT user_number) FROM names WHERE folded LIKE $1";

/// A page that begins so near an end is found by walking there.
const NEAR: i64 = 512;

type Found<T> = Result<T, Stop<StoreError>>;

/// How many users there are.
pub(super) async fn everybody(db: Db<'_>) -> Found<i64> {
    let all = [Facet::all()];
    let keys: Vec<_> = all.iter().map(Facet::as_bytes).collect();
    Ok(db.optional(&COUNTS, &[&keys]).await?.map_or(Ok(0), |row| row.try_get(1))?)
}

pub(super) async fn count(db: Db<'_>, query: &UserQuery) -> Found<u64> {
    let Some(question) = Question::read(db, query).await? else { return Ok(0) };
    Ok(u64::try_from(question.total(db).await?).unwrap_or(0))
}

pub(super) async fn page(db: Db<'_>, query: &UserQuery, sort: Sort, stretch: Stretch) -> Found<UserPage> {
    let Some(question) = Question::read(db, query).await? else {
        return Ok(UserPage { users: Vec::new(), total: 0 });
    };
    let total = question.total(db).await?;
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
    let mut numbers = question.numbers(db, &page, total).await?;
    if turned {
        numbers.reverse();
    }
    let mut found: HashMap<i64, User> = HashMap::with_capacity(numbers.len());
    for row in db.all(&FIND_BY_NUMBERS, &[&numbers]).await? {
        found.insert(rows::number(&row)?, rows::user(&row)?);
    }
    let users = numbers.iter().filter_map(|number| found.remove(number)).collect();
    Ok(UserPage { users, total: u64::try_from(total).unwrap_or(0) })
}

/// What is to be read: `offset` entries from the start of this order, `limit` of them.
struct Page {
    key: SortKey,
    descending: bool,
    offset: i64,
    limit: i64,
}

/// A pattern, and who was found by it.
struct Text {
    like: String,
    /// The numbers of the users, if they are few.
    few: Option<Vec<i64>>,
}

/// What the users are asked for, as it stands in the database.
struct Question {
    everybody: i64,
    /// With how many users each has, the rarest first.
    facets: Vec<(i64, Facet)>,
    text: Option<Text>,
}

/// Where the rows come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The list in its order.
    List,
    /// The users of the rarest facet.
    Facet,
    /// Those whose names contain the pattern, while they are few.
    Text,
}

impl Question {
    /// `None` when a facet that is asked for has nobody.
    async fn read(db: Db<'_>, query: &UserQuery) -> Found<Option<Self>> {
        let mut asked: Vec<_> = query.filters.iter().map(Facet::of).collect();
        asked.sort_unstable();
        asked.dedup();
        let keys: Vec<_> =
            asked.iter().chain([&Facet::all()]).map(|facet| facet.as_bytes().to_vec()).collect();
        let mut counts: HashMap<Vec<u8>, i64> = HashMap::new();
        for row in db.all(&COUNTS, &[&keys]).await? {
            counts.insert(row.try_get(0)?, row.try_get(1)?);
        }
        let users_of = |facet: &Facet| counts.get(facet.as_bytes()).copied().unwrap_or(0);
        let mut facets: Vec<_> = asked.into_iter().map(|facet| (users_of(&facet), facet)).collect();
        if facets.iter().any(|(users, _)| *users <= 0) {
            return Ok(None);
        }
        facets.sort_unstable();
        let text = match &query.pattern {
            Some(pattern) => Some(Text::read(db, pattern).await?),
            None => None,
        };
        Ok(Some(Self { everybody: users_of(&Facet::all()), facets, text }))
    }

    /// The source with the fewest rows, and how many it has.
    fn smallest(&self) -> (Source, i64) {
        let facet = self.facets.first().map(|(users, _)| (Source::Facet, *users));
        let hits = self.few().map(|hits| (Source::Text, i64::try_from(hits.len()).unwrap_or(i64::MAX)));
        let smallest = facet.into_iter().chain(hits).min_by_key(|(_, rows)| *rows);
        smallest.unwrap_or((Source::List, self.everybody))
    }

    fn few(&self) -> Option<&Vec<i64>> {
        self.text.as_ref()?.few.as_ref()
    }

    async fn total(&self, db: Db<'_>) -> Found<i64> {
        let (smallest, rows) = self.smallest();
        let statement = match (self.facets.as_slice(), &self.text) {
            ([] | [_], None) | ([], Some(Text { few: Some(_), .. })) => return Ok(rows),
            ([], Some(Text { like, few: None })) => {
                Statement { text: COUNT_HITS.to_owned(), params: vec![(Box::new(like.clone()), Type::TEXT)] }
            }
            _ => self.statement(smallest, None),
        };
        let counted = statement.run(db).await?;
        Ok(counted.first().map_or(Ok(0), |row| row.try_get(0))?)
    }

    /// The numbers of the users on a page.
    async fn numbers(&self, db: Db<'_>, page: &Page, total: i64) -> Found<Vec<i64>> {
        if page.limit <= 0 {
            return Ok(Vec::new());
        }
        if self.facets.is_empty() && self.text.is_none() && page.offset > NEAR {
            let first = if page.descending { total - page.offset - page.limit } else { page.offset };
            let found = lists::page(db, List::by(page.key), first, page.limit, total).await?;
            if let Some(mut numbers) = found {
                if page.descending {
                    numbers.reverse();
                }
                return Ok(numbers);
            }
        }
        let (smallest, rows) = self.smallest();
        // Rows of the list that are passed until the page is full, if those that are wanted are spread evenly.
        let passed = (page.offset + page.limit).saturating_mul(self.everybody) / total.max(1);
        let in_order = smallest == Source::Facet && page.key == SortKey::Created;
        let source = if in_order || rows <= passed { smallest } else { Source::List };
        let found = self.statement(source, Some(page)).run(db).await?;
        Ok(found.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    /// Counts, or reads a page.
    fn statement(&self, source: Source, page: Option<&Page>) -> Statement {
        let mut statement = Statement { text: String::new(), params: Vec::new() };
        let role = match page.map(|page| page.key) {
            None | Some(SortKey::Created) => None,
            Some(SortKey::Username) => Some("names.is_username"),
            Some(SortKey::Email) => Some("names.is_email"),
        };
        // Rows of users are long, and far apart: they are looked at only for what the source does not have.
        let left = if source == Source::Facet { &self.facets[1..] } else { &self.facets };
        let created_is_asked = !left.is_empty() || page.is_some_and(|page| page.key == SortKey::Created);
        let (table, user, created) = match source {
            Source::List if role.is_some() => ("names", "names.user_number", "users.created"),
            Source::List => ("users", "users.number", "users.created"),
            Source::Facet => ("user_facets", "user_facets.user_number", "user_facets.created"),
            Source::Text => ("UNNEST($1::BIGINT[]) AS hits (number)", "hits.number", "users.created"),
        };
        let mut from = format!(" FROM {table}");
        if source == Source::Text {
            statement.param(self.few().cloned().unwrap_or_default(), Type::INT8_ARRAY);
        }
        if created_is_asked && table != "users" && created == "users.created" {
            from = format!("{from} JOIN users ON users.number = {user}");
        }
        if role.is_some() && table != "names" {
            from = format!("{from} JOIN names ON names.user_number = {user}");
        }
        let mut conditions = vec!["true".to_owned()];
        conditions.extend(role.map(str::to_owned));
        if let (Source::Facet, Some((_, rarest))) = (source, self.facets.first()) {
            let rarest = statement.param(rarest.as_bytes().to_vec(), Type::BYTEA);
            conditions.push(format!("user_facets.facet = {rarest}"));
        }
        for (_, facet) in left {
            let facet = statement.param(facet.as_bytes().to_vec(), Type::BYTEA);
            conditions.push(format!(
                "EXISTS (SELECT 1 FROM user_facets AS other WHERE other.facet = {facet} \
                 AND other.created = {created} AND other.user_number = {user})"
            ));
        }
        if let Some(text) = self.text.as_ref().filter(|_| source != Source::Text) {
            let like = statement.param(text.like.clone(), Type::TEXT);
            conditions.push(format!(
                "EXISTS (SELECT 1 FROM names AS any_name \
                 WHERE any_name.user_number = {user} AND any_name.folded LIKE {like})"
            ));
        }
        let rest = format!("{from} WHERE {}", conditions.join(" AND "));
        let Some(page) = page else {
            statement.text = format!("SELECT count(*){rest}");
            return statement;
        };
        let direction = if page.descending { "DESC" } else { "ASC" };
        let order = match page.key {
            SortKey::Created => format!("{created} {direction}, {user} {direction}"),
            SortKey::Username | SortKey::Email => format!("names.folded {direction}"),
        };
        let (limit, offset) =
            (statement.param(page.limit, Type::INT8), statement.param(page.offset, Type::INT8));
        statement.text = format!("SELECT {user}{rest} ORDER BY {order} LIMIT {limit} OFFSET {offset}");
        statement
    }
}

impl Text {
    async fn read(db: Db<'_>, pattern: &Pattern) -> Found<Self> {
        let like = like(pattern.folded());
        let most = 2 * FEW;
        let hits = db.ask(HITS, &[(&like, Type::TEXT), (&(most + 1), Type::INT8)]).await?;
        let hits: Vec<i64> = hits.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        // As many as may be: there may be more.
        let few = i64::try_from(hits.len()).is_ok_and(|number| number <= FEW);
        Ok(Self { like, few: few.then_some(hits) })
    }
}

/// A pattern for `LIKE` that finds the text as it stands.
fn like(text: &str) -> String {
    let mut like = String::with_capacity(text.len() + 2);
    like.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            like.push('\\');
        }
        like.push(character);
    }
    like.push('%');
    like
}

/// A statement that is put together, of fixed text, and its parameters.
struct Statement {
    text: String,
    params: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Statement {
    /// Adds a parameter; how it is named in the text.
    fn param(&mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) -> String {
        self.params.push((Box::new(value), kind));
        format!("${}", self.params.len())
    }

    async fn run(&self, db: Db<'_>) -> Found<Vec<tokio_postgres::Row>> {
        let params: Vec<(&(dyn ToSql + Sync), Type)> =
            self.params.iter().map(|(value, kind)| (&**value as _, kind.clone())).collect();
        Ok(db.ask(&self.text, &params).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_itself() {
        assert_eq!(like(r"50%_\a"), r"%50\%\_\\a%");
    }
}
