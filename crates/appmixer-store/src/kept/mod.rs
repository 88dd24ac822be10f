//! What is the same in every database: how values stand in columns, and what is decided over several rows.

pub(crate) mod audit;
pub(crate) mod carried;
pub(crate) mod config;
pub(crate) mod daily;
pub(crate) mod facet;
pub(crate) mod keys;
pub(crate) mod rules;
pub(crate) mod user;
