//! The rules for passwords that somebody chooses.

use std::sync::Arc;

use zxcvbn::zxcvbn;

use crate::name::Names;
use crate::password::{InvalidPassword, Password};
use crate::refused::RefusedPasswords;

/// The shortest new password unless configured, in characters: the documentation's own example has six.
pub const DEFAULT_MIN_PASSWORD_CHARS: usize = 6;
/// The highest strength that can be asked for: zxcvbn's top score.
pub const MAX_PASSWORD_STRENGTH: u8 = 4;

/// As much of a password is scored, in characters: zxcvbn's time grows faster than the text.
const MAX_SCORED_CHARS: usize = 32;
/// What zxcvbn takes for letters in disguise. It tries every combination of them, so that a text made for
/// it costs half a second; scoring ends before the eleventh different one.
const DISGUISES: &str = "4@8({[<369&#!1/|0$5+7%2";
const MAX_DISGUISES: usize = 10;

/// What a new password must have. A clone shares the list.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    /// The fewest characters (Unicode code points, as NIST SP 800-63B section 3.1.1.2 counts).
    pub min_chars: usize,
    /// The least zxcvbn score, 0 to [`MAX_PASSWORD_STRENGTH`]; 0 scores nothing.
    pub min_strength: u8,
    /// What nobody may choose.
    pub refused: Arc<RefusedPasswords>,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_chars: DEFAULT_MIN_PASSWORD_CHARS, min_strength: 0, refused: Arc::default() }
    }
}

impl PasswordPolicy {
    /// Whether the user of these names may choose this password.
    ///
    /// # Errors
    /// [`InvalidPassword::TooShort`], [`InvalidPassword::Refused`], [`InvalidPassword::TooWeak`].
    pub fn check(&self, password: &Password, names: &Names) -> Result<(), InvalidPassword> {
        let text = password.text();
        if text.chars().count() < self.min_chars {
            return Err(InvalidPassword::TooShort(self.min_chars));
        }
        if self.refused.contains(text) {
            return Err(InvalidPassword::Refused);
        }
        if self.min_strength > 0 && strength(text, names) < self.min_strength {
            return Err(InvalidPassword::TooWeak);
        }
        Ok(())
    }
}

/// zxcvbn's score, 0 to 4. The user's names, whole and in parts, are what an attacker tries first.
fn strength(text: &str, names: &Names) -> u8 {
    let mut known = Vec::new();
    for name in names.logins() {
        known.push(name.as_str());
        known.extend(name.as_str().split('@'));
    }
    zxcvbn(scored(text), &known).score().into()
}

/// As much of it as can be scored on a thread that serves requests: words take 0.3 ms, the worst text that
/// was found 6 ms, a part of what the hash takes (zxcvbn 3.1, release build).
fn scored(text: &str) -> &str {
    let mut disguises = Vec::with_capacity(MAX_DISGUISES);
    for (count, (end, c)) in text.char_indices().enumerate() {
        let is_new = DISGUISES.contains(c) && !disguises.contains(&c);
        if count == MAX_SCORED_CHARS || (is_new && disguises.len() == MAX_DISGUISES) {
            return &text[..end];
        }
        if is_new {
            disguises.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Username;

    fn check(policy: &PasswordPolicy, text: &str) -> Result<(), InvalidPassword> {
        let names = Names::new(Some(Username::parse("vermilion@tugboat").unwrap()), None).unwrap();
        policy.check(&Password::new(text.to_owned()).unwrap(), &names)
    }

    #[test]
    fn the_policy_counts_characters_not_bytes() {
        let policy = PasswordPolicy::default();
        assert_eq!(check(&policy, "abc321"), Ok(()));
        assert_eq!(check(&policy, "abc32"), Err(InvalidPassword::TooShort(6)));
        assert_eq!(check(&policy, "ééé"), Err(InvalidPassword::TooShort(6)));
    }

    #[test]
    fn a_listed_password_is_refused() {
        let refused = Arc::new(RefusedPasswords::new(["Password1"]).unwrap());
        let policy = PasswordPolicy { refused, ..PasswordPolicy::default() };
        assert_eq!(check(&policy, "password1"), Err(InvalidPassword::Refused));
        assert_eq!(check(&policy, "password2"), Ok(()));
    }

    #[test]
    fn strength_counts_only_when_asked_for_and_names_add_little() {
        let of = |min_strength| PasswordPolicy { min_strength, ..PasswordPolicy::default() };
        for weak in ["abc321", "password1", "vermilion", "tugboat1", "vermilion@tugboat"] {
            assert_eq!(check(&of(0), weak), Ok(()), "{weak}");
            assert_eq!(check(&of(3), weak), Err(InvalidPassword::TooWeak), "{weak}");
        }
        assert_eq!(check(&of(4), "seven quilted otters hum"), Ok(()));
    }

    #[test]
    fn no_more_is_scored_than_is_cheap() {
        for (text, chars) in [
            ("seven quilted otters hum", 24),
            (&"\u{1f600}".repeat(256)[..], 32),
            ("0123456789012345678901234567890123", 32),
            ("4@8({[<369&#!1/|0$5+7%2", 10),
        ] {
            assert_eq!(scored(text).chars().count(), chars, "{text}");
        }
        let policy = PasswordPolicy { min_strength: 4, ..PasswordPolicy::default() };
        assert_eq!(check(&policy, &"a".repeat(1024)), Err(InvalidPassword::TooWeak));
    }
}
