//! Serves the Appmixer user API over HTTP.
mod app;
mod authorization;
mod body;
mod cors;
mod epochs;
mod error;
mod fields;
mod json;
mod options;
mod request_id;
mod response;
mod router;
mod routes;
mod serve;
mod sessions;
mod settings;
mod tokens;
mod views;

pub use app::{App, AppError};
pub use epochs::Epochs;
pub use options::{CorsOrigins, HttpOptions, InvalidOrigin, TokenOptions};
pub use serve::serve;
pub use tokens::{claims_of, grant_of};
