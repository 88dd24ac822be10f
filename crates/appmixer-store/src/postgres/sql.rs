//! Statements: their text, and the types of their parameters, with which they can also be run where none can be
//! prepared (behind a proxy that pools transactions).

use tokio_postgres::types::Type;

pub(super) struct Sql {
    pub(super) text: &'static str,
    pub(super) types: &'static [Type],
}

macro_rules! statement {
    ($($(#[$doc:meta])* $name:ident = $text:expr, [$($type:ident),*];)*) => {$(
        $(#[$doc])*
        const $name: $crate::postgres::sql::Sql = $crate::postgres::sql::Sql {
            text: $text,
            types: &[$(::tokio_postgres::types::Type::$type),*],
        };
    )*};
}

pub(super) use statement as statements;
