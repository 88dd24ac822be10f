//! `GET /audit`: the audit log, for administrators.

use appmixer_core::{AuditKind, AuditQuery, Scope, Timestamp, UserId};
use form_urlencoded::Serializer;
use http::HeaderValue;
use http::header::LINK;

use crate::app::App;
use crate::error::ApiError;
use crate::head::Head;
use crate::query::Query;
use crate::response::{Answer, private_json};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

pub(crate) async fn get(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    app.require(head.headers, &Scope::admin()).await?;
    let asked = read(head.query()?)?;
    // One more than is shown tells whether there is another page.
    let one_more = AuditQuery { limit: asked.limit + 1, ..asked.clone() };
    let mut records = app.ctx.store.audit_entries(one_more).await?;
    let more = records.len() > asked.limit as usize;
    records.truncate(asked.limit as usize);

    let mut answer = private_json(&records)?;
    if let Some(last) = records.last().filter(|_| more) {
        let next = link(&AuditQuery { before: Some(last.id), ..asked });
        answer.headers_mut().insert(LINK, next.map_err(|error| ApiError::internal(&error))?);
    }
    Ok(answer)
}

fn read(mut query: Query) -> Result<AuditQuery, ApiError> {
    let asked = AuditQuery {
        from: query.one("from", Timestamp::parse),
        to: query.one("to", Timestamp::parse),
        user: query.one("user", str::parse::<UserId>),
        kinds: query.many("kind", |name| {
            AuditKind::parse(name).ok_or_else(|| {
                let kinds = AuditKind::ALL.map(AuditKind::as_str);
                format!("must be one of {}", kinds.join(", "))
            })
        }),
        before: query.one("before", str::parse),
        after: query.one("after", str::parse),
        limit: query.number("limit", 1, MAX_LIMIT).unwrap_or(DEFAULT_LIMIT),
    };
    query.finish()?;
    Ok(asked)
}

/// The next page (RFC 8288), with all that was asked for.
fn link(next: &AuditQuery) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut query = Serializer::new(String::new());
    let mut append = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    };
    append("from", next.from.map(|time| time.to_string()));
    append("to", next.to.map(|time| time.to_string()));
    append("user", next.user.map(|id| id.to_string()));
    for kind in AuditKind::ALL.into_iter().filter(|kind| next.kinds.contains(kind)) {
        append("kind", Some(kind.as_str().to_owned()));
    }
    append("limit", Some(next.limit.to_string()));
    append("after", next.after.map(|id| id.to_string()));
    append("before", next.before.map(|id| id.to_string()));
    HeaderValue::try_from(format!("<?{}>; rel=\"next\"", query.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_of_the_same_and_can_be_read() {
        let text = "from=2026-01-31T08:15:30.123Z&to=2026-02-01T00:00:00%2B01:00&user=5f1e5f1e5f1e5f1e5f1e5f1e\
            &kind=user-deleted&kind=sign-in&kind=sign-in&limit=7&after=3&before=99&shoe=47";
        let asked = read(Query::parse(text).unwrap()).unwrap();
        let link = link(&asked).unwrap();
        let link = link.to_str().unwrap();
        assert_eq!(
            link,
            "<?from=2026-01-31T08%3A15%3A30.123Z&to=2026-01-31T23%3A00%3A00.000Z\
             &user=5f1e5f1e5f1e5f1e5f1e5f1e&kind=sign-in&kind=user-deleted&limit=7&after=3&before=99>; rel=\"next\""
        );
        let query = link.trim_start_matches("<?").trim_end_matches(">; rel=\"next\"");
        let again = read(Query::parse(query).unwrap()).unwrap();
        assert_eq!((again.from, again.to, again.user), (asked.from, asked.to, asked.user));
        assert_eq!((again.limit, again.before, again.after), (7, asked.before, asked.after));
        assert_eq!(again.kinds, [AuditKind::SignIn, AuditKind::UserDeleted]);
    }
}
