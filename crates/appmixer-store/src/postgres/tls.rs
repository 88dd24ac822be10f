//! TLS to the database: the server's certificate is verified, its name included.

use std::path::Path;

use tokio_postgres_rustls::MakeRustlsConnect;

use super::open::PostgresError;

pub(super) fn connector<'p>(
    ca_files: impl IntoIterator<Item = &'p Path>,
) -> Result<MakeRustlsConnect, PostgresError> {
    let config = appmixer_tls::client_config(ca_files);
    Ok(MakeRustlsConnect::new(config.map_err(|error| PostgresError::Tls { reason: error.to_string() })?))
}
