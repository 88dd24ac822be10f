//! How a webhook is signed: HMAC-SHA256 over time and body, in the manner of Stripe.

use std::fmt::Write as _;

use appmixer_core::Timestamp;
use ring::hmac::{HMAC_SHA256, Key, sign};

/// `t=<Unix seconds>,v1=<hex>`: the HMAC of `<Unix seconds>.<body>`. The time is in it so that a receiver can
/// refuse what somebody recorded and sends again.
pub(crate) fn header(key: &[u8], now: Timestamp, body: &str) -> String {
    let time = now.seconds();
    let tag = sign(&Key::new(HMAC_SHA256, key), format!("{time}.{body}").as_bytes());
    let mut header = format!("t={time},v1=");
    for byte in tag.as_ref() {
        let _ = write!(header, "{byte:02x}");
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_time_and_body() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'a key of sixteen'
        let header = header(b"a key of sixteen", Timestamp::from_seconds(1_700_000_000), r#"{"a":1}"#);
        assert_eq!(
            header,
            "t=1700000000,v1=de884714c485f0ce6e4a17b01c4b1fb0c966df06b5ce199873ab690314bc1dcb"
        );
    }
}
