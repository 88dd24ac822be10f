//! One file a kind of route: each handler reads input, calls one use case, renders.

pub(crate) mod acl;
pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod config_state;
pub(crate) mod confirm;
pub(crate) mod console;
pub(crate) mod docs;
pub(crate) mod jwks;
pub(crate) mod keys;
pub(crate) mod password;
pub(crate) mod sign_in;
pub(crate) mod stats;
pub(crate) mod status;
pub(crate) mod user;
pub(crate) mod user_list;
pub(crate) mod users;
pub(crate) mod verify;
