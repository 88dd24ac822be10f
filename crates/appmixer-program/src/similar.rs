//! What somebody may have meant who has mistyped a name.

/// The known name that is closest to a word, if it is close: letters left out, put in, changed or swapped.
pub(crate) fn closest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance = |name: &str| strsim::osa_distance(&word, &name.to_lowercase());
    let (distance, name) = known.map(|name| (distance(name), name)).min_by_key(|(distance, _)| *distance)?;
    // A word that differs by more than a letter in four is another word.
    (distance * 4 <= name.len()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_close_is_suggested() {
        let of = |word| closest(word, ["MAIL_SMTP_HOST", "MAIL_SMTP_PORT", "APP_NAME"].into_iter());
        assert_eq!(of("MAIL_SMTP_HOTS"), Some("MAIL_SMTP_HOST"));
        assert_eq!(of("mail_smtp_port"), Some("MAIL_SMTP_PORT"));
        assert_eq!(of("APPNAME"), Some("APP_NAME"));
        assert_eq!(of("OUR_OWN"), None);
        assert_eq!(of(""), None);
    }
}
