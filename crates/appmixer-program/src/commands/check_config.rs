//! `check-config`: whether the server would start, and with what.

use figment::Figment;
use figment::value::{Dict, Value};
use serde_json::json;

use crate::cli::Common;
use crate::config::load;
use crate::failure::Failure;
use crate::output::outln;

pub(crate) fn run(json: bool, common: &Common) -> Result<(), Failure> {
    let (config, figment) = load(common.config.as_deref(), &common.overrides(None))?;
    config.rules_for_new_passwords()?;
    // Through the types again, which mask what is secret.
    let shown = Figment::from(figment::providers::Serialized::defaults(&config));
    let shown: Dict = shown.extract().map_err(|error| Failure::refused(error.to_string()))?;
    print(&shown, "", &figment, json);
    Ok(())
}

fn print(section: &Dict, prefix: &str, sources: &Figment, json: bool) {
    for (name, value) in section {
        let key = format!("{prefix}{name}");
        match value {
            Value::Dict(_, section) => print(section, &format!("{key}."), sources, json),
            value if json => {
                outln!("{}", json!({"key": key, "value": value, "source": source(sources, &key)}));
            }
            value => {
                let text = serde_json::to_string(value).unwrap_or_default();
                outln!("{key} = {text}  # {}", source(sources, &key));
            }
        }
    }
}

fn source(sources: &Figment, key: &str) -> String {
    let Some(metadata) = sources.find_metadata(key) else { return "default".to_owned() };
    match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        Some(figment::Source::Code(_)) | None if metadata.name.contains("Config") => "default".to_owned(),
        Some(_) | None => metadata.name.to_string(),
    }
}
