//! The texts that requests bring, read as each of the domain's types: none panics, and what is valid stays what it
//! was when it is read again.

#![no_main]

use appmixer_core::{
    ConfigEntry, ConfigKey, Email, Filter, LoginName, Pattern, Plan, Scopes, Sort, Text, Timestamp, UserId,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = LoginName::parse(text) {
        assert_eq!(name.as_str(), text, "a name is shown as it was given");
        if let Ok(again) = LoginName::parse(name.folded()) {
            assert_eq!(again.folded(), name.folded(), "folding once is enough");
        }
        assert!(Email::parse(text).is_ok());
    }
    if let Ok(pattern) = Pattern::parse(text) {
        if let Ok(again) = Pattern::parse(pattern.folded()) {
            assert_eq!(again.folded(), pattern.folded());
        }
    }
    if let Ok(scopes) = Scopes::parse_comma_separated(text) {
        let texts = scopes.iter().map(|scope| scope.as_str().to_owned());
        assert_eq!(Scopes::parse(texts).as_ref(), Ok(&scopes));
    }
    if let Ok(id) = text.parse::<UserId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(time) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
    }
    let _ = (Filter::parse(text), Sort::parse(text), Plan::parse(text), Text::parse(text));
    // A line with the key, and the value's JSON.
    if let Some((key, value)) = text.split_once('\n') {
        if let (Ok(key), Ok(value)) = (ConfigKey::parse(key), serde_json::from_str(value)) {
            if let Ok(entry) = ConfigEntry::new(key.clone(), value, 32) {
                let again =
                    ConfigEntry::new(key, entry.value().clone(), 32).expect("what was taken is taken again");
                assert_eq!(again.value(), entry.value());
            }
        }
    }
});
