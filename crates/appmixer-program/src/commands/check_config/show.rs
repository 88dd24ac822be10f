//! The configuration as a TOML file that says the same, each value with its source; secrets are left out.

use appmixer_core::MASK;
use figment::value::{Dict, Value};
use figment::{Figment, Source};
use serde_json::json;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::outln;

pub(super) fn print(config: &Config, sources: &Figment, json: bool) -> Result<(), Failure> {
    // Through the types again, which mask what is secret.
    let shown = Figment::from(figment::providers::Serialized::defaults(config));
    let shown: Dict = shown.extract().map_err(|error| Failure::refused(error.to_string()))?;
    let url = config.store.url.as_ref().map(|url| masked(&String::from_utf8_lossy(url.as_bytes())));
    print_section(&shown, &Place { key: String::new(), toml: String::new() }, &Shown { sources, url, json });
    Ok(())
}

struct Shown<'a> {
    sources: &'a Figment,
    /// The database's, without its password.
    url: Option<String>,
    json: bool,
}

/// The name of a section or key: as messages have it, and as TOML has it.
struct Place {
    key: String,
    toml: String,
}

impl Place {
    fn join(&self, name: &str) -> Self {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let quoted = if !name.is_empty() && name.chars().all(is_bare) {
            name.to_owned()
        } else {
            toml::Value::from(name).to_string()
        };
        if self.key.is_empty() {
            return Self { key: name.to_owned(), toml: quoted };
        }
        Self { key: format!("{}.{name}", self.key), toml: format!("{}.{quoted}", self.toml) }
    }
}

fn print_section(section: &Dict, place: &Place, shown: &Shown<'_>) {
    for (name, value) in section {
        let place = place.join(name);
        match (value, &shown.url) {
            (Value::Dict(_, section), _) => print_section(section, &place, shown),
            (_, Some(url)) if place.key == "store.url" => {
                print_value(&Value::from(url.as_str()), &place, shown);
            }
            _ => print_value(value, &place, shown),
        }
    }
}

fn print_value(value: &Value, place: &Place, shown: &Shown<'_>) {
    let Place { key, toml } = place;
    let source = source(shown.sources, key).replace(['\n', '\r'], " ");
    if shown.json {
        outln!("{}", json!({"key": key, "value": value, "source": source}));
        return;
    }
    match toml::Value::try_from(value) {
        // A masked secret is no configuration.
        Ok(value) if value.to_string().contains(MASK) => outln!("# {toml} = {value}  # {source}"),
        Ok(value) => outln!("{toml} = {value}  # {source}"),
        // TOML has no null.
        Err(_) => outln!("# {toml} is not set  # {source}"),
    }
}

fn source(sources: &Figment, key: &str) -> String {
    let Some(metadata) = sources.find_metadata(key) else { return "default".to_owned() };
    match &metadata.source {
        Some(Source::File(path)) => path.display().to_string(),
        Some(Source::Code(_)) | None if metadata.name.contains("Config") => "default".to_owned(),
        Some(_) | None => metadata.name.to_string(),
    }
}

/// A URL without its password, wherever that may be. A character too many is masked rather than one too few.
fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    let user = user.map_or_else(String::new, |user| match user.split_once(':') {
        Some((name, _)) => format!("{name}:{MASK}@"),
        None => format!("{user}@"),
    });
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let query = query.map_or_else(String::new, |query| {
        let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if name.to_lowercase().contains("password") => format!("{name}={MASK}"),
            _ => parameter.to_owned(),
        });
        format!("?{}", parameters.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{user}{path}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_of_a_url_is_masked_and_all_of_it() {
        for (url, expected) in [
            (
                "postgres://app:s3cret@db.example:5432/app?sslmode=require",
                "postgres://app:********@db.example:5432/app?sslmode=require",
            ),
            ("postgres://app:s3@cret@db.example/app", "postgres://app:********@db.example/app"),
            ("postgres://app:s3/c?r@et@db.example/app", "postgres://app:********@db.example/app"),
            (
                "postgres://app@db.example/app?password=s3cret&sslmode=disable",
                "postgres://app@db.example/app?password=********&sslmode=disable",
            ),
            ("postgres://db.example/app", "postgres://db.example/app"),
            ("sqlite:/var/lib/a@b:c.sqlite", "sqlite:/var/lib/a@b:c.sqlite"),
        ] {
            assert_eq!(masked(url), expected);
        }
    }
}
