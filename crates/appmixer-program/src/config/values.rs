//! The kinds of value that a configuration has beyond numbers and texts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;
use std::time::Duration;

use appmixer_http::quotas::Quota;
use appmixer_token::Algorithm;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

/// A length of time: a number and one of `ms`, `s`, `m`, `h`, `d`; a bare number is seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// The longest lifetime of a token. Timestamps end with the year 9999.
const MAX_TOKEN_LIFETIME: Span = Span(Duration::from_hours(36_500 * 24));

impl Span {
    /// Checks that a token can have this lifetime.
    ///
    /// # Errors
    /// What it must be.
    pub(crate) fn check_token_lifetime(self) -> Result<(), String> {
        if self.0.as_secs() == 0 || self.0.subsec_nanos() != 0 {
            return Err("must be a whole number of seconds, at least one".to_owned());
        }
        if self.0 > MAX_TOKEN_LIFETIME.0 {
            return Err(format!("must be at most {MAX_TOKEN_LIFETIME}"));
        }
        Ok(())
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no length of time such as 500ms, 30s, 5m, 12h or 30d");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let millis = match &text[digits..] {
            "ms" => 1,
            "s" | "" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(millis).map(|millis| Self(Duration::from_millis(millis))).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        match units.iter().find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", millis / unit),
            None => write!(f, "{millis}ms"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as 30s or 30d")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E>(self, seconds: u64) -> Result<Span, E> {
                Ok(Span(Duration::from_secs(seconds)))
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Span, E> {
                let seconds = u64::try_from(seconds).map_err(|_| E::custom("must not be negative"))?;
                self.visit_u64(seconds)
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// An address to listen on, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListenOn(pub(crate) Option<SocketAddr>);

impl FromStr for ListenOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        socket_address(text).map(|address| Self(Some(address))).map_err(|wrong| format!("{wrong}, nor off"))
    }
}

/// Reads an address to listen on: `ADDRESS:PORT`, `HOST:PORT`, `:PORT` on all IPv4 addresses, or `PORT` on 127.0.0.1.
fn socket_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let wrong =
        || format!("`{text}` is no socket address such as 127.0.0.1:2200, localhost:2200, :2200 or 2200");
    let (host, port) = text.rsplit_once(':').unwrap_or(("localhost", text));
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let port: u16 = port.parse().map_err(|_| wrong())?;
    match host {
        "" => Ok((Ipv4Addr::UNSPECIFIED, port).into()),
        "localhost" => Ok((Ipv4Addr::LOCALHOST, port).into()),
        host => {
            let found =
                (host, port).to_socket_addrs().map_err(|error| format!("{}: {host}: {error}", wrong()))?;
            let found: Vec<_> = found.collect();
            let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
            address.copied().ok_or_else(|| format!("{}: {host} has no address", wrong()))
        }
    }
}

/// Reads an optional address to listen on.
pub(super) fn optional_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| socket_address(&text).map_err(de::Error::custom)).transpose()
}

impl fmt::Display for ListenOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("off"),
        }
    }
}

/// The permissions of a file, as in `0660`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileMode(pub(crate) u32);

impl FromStr for FileMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no mode such as 0660");
        let mode = u32::from_str_radix(text, 8).map_err(|_| wrong())?;
        if mode <= 0o777 { Ok(Self(mode)) } else { Err(wrong()) }
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// Values that are texts in every source.
macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(ListenOn, FileMode);

/// A quota, as `20/1m`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuotaText(pub(crate) Quota);

impl<'de> Deserialize<'de> for QuotaText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for QuotaText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A secret from the configuration. Neither `Debug` nor `Serialize` shows it.
#[derive(Clone)]
pub(crate) struct SecretText(Zeroizing<String>);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl SecretText {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(appmixer_core::MASK)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// What new keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenAlgorithm(pub(crate) Algorithm);

impl FromStr for TokenAlgorithm {
    type Err = String;

    /// In whatever case: these are names for people here.
    fn from_str(text: &str) -> Result<Self, String> {
        let named = |algorithm: &Algorithm| algorithm.as_str().eq_ignore_ascii_case(text);
        let algorithm = Algorithm::ALL.into_iter().find(named).map(Self);
        algorithm.ok_or_else(|| "must be HS256, EdDSA or ES256".to_owned())
    }
}

impl Serialize for TokenAlgorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for TokenAlgorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    Text,
    Json,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_modes_are_read_as_they_are_written() {
        for text in ["127.0.0.1:2200", "[::1]:0", "off"] {
            assert_eq!(text.parse::<ListenOn>().unwrap().to_string(), text);
        }
        for text in ["0660", "0000", "0777"] {
            assert_eq!(text.parse::<FileMode>().unwrap().to_string(), text);
        }
        for (text, expected) in [
            ("localhost:1", "127.0.0.1:1"),
            (":2200", "0.0.0.0:2200"),
            ("2200", "127.0.0.1:2200"),
            ("0", "127.0.0.1:0"),
        ] {
            assert_eq!(text.parse::<ListenOn>().unwrap().to_string(), expected);
        }
        for wrong in
            ["", ":", "127.0.0.1", "OFF", "+80", "localhost:+80", "70000", "localhost:", "[::1]", "a b:1"]
        {
            assert!(wrong.parse::<ListenOn>().is_err(), "{wrong}");
        }
        for wrong in ["", "-1", "1000", "0888", "rw-rw----"] {
            assert!(wrong.parse::<FileMode>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_span_survives_its_text(millis in prop_oneof![any::<u64>(), 0..100_000_u64, (0..5000_u64).prop_map(|s| s * 86_400_000)]) {
            let span = Span(Duration::from_millis(millis));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_panics(text in "[0-9]{0,21}(ms|s|m|h|d|\\PC{0,3})") {
            let _ = text.parse::<Span>();
        }
    }

    #[test]
    fn spans_are_read_as_they_are_written() {
        for text in ["0ms", "500ms", "30s", "5m", "12h", "30d", "1001ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("90".parse::<Span>().unwrap().to_string(), "90s");
        assert_eq!("60s".parse::<Span>().unwrap().to_string(), "1m");
        for wrong in ["", "s", "-1s", "1.5h", "1w", "1 s", "99999999999999999999d", "18446744073709551615d"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
