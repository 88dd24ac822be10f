//! From when and until when a certificate is valid: what rustls gives nobody.

use ring::error::Unspecified;
use ring::io::der::{Tag, expect_tag_and_get_value, nested, read_tag_and_get_value};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};
use untrusted::{Input, Reader};

/// `notAfter` of a certificate in DER; none if it is no certificate.
pub(crate) fn of(certificate: &[u8]) -> Option<OffsetDateTime> {
    validity(certificate).map(|(_, not_after)| not_after)
}

/// `notBefore` and `notAfter` of a certificate in DER (RFC 5280 section 4.1); none if it is no certificate.
pub(crate) fn validity(certificate: &[u8]) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let mut reader = Reader::new(Input::from(certificate));
    let certificate = expect_tag_and_get_value(&mut reader, Tag::Sequence).ok()?;
    let mut reader = Reader::new(certificate);
    let to_be_signed = expect_tag_and_get_value(&mut reader, Tag::Sequence).ok()?;
    let mut reader = Reader::new(to_be_signed);
    if reader.peek(Tag::ContextSpecificConstructed0.into()) {
        expect_tag_and_get_value(&mut reader, Tag::ContextSpecificConstructed0).ok()?;
    }
    // Its number, the algorithm of its signature, and who has issued it.
    for tag in [Tag::Integer, Tag::Sequence, Tag::Sequence] {
        expect_tag_and_get_value(&mut reader, tag).ok()?;
    }
    nested(&mut reader, Tag::Sequence, Unspecified, |validity| {
        let mut next = || {
            let (tag, time) = read_tag_and_get_value(validity)?;
            moment(tag, time.as_slice_less_safe()).ok_or(Unspecified)
        };
        Ok((next()?, next()?))
    })
    .ok()
}

/// As in `491231235959Z`, or with four digits of the year where the tag says so.
fn moment(tag: u8, text: &[u8]) -> Option<OffsetDateTime> {
    let (year, rest) = if tag == Tag::UTCTime.into() {
        let (year, rest) = text.split_at_checked(2)?;
        // RFC 5280 section 4.1.2.5.1.
        let year = number(year)?;
        (if year >= 50 { 1900 + year } else { 2000 + year }, rest)
    } else if tag == Tag::GeneralizedTime.into() {
        let (year, rest) = text.split_at_checked(4)?;
        (number(year)?, rest)
    } else {
        return None;
    };
    let digits = rest.strip_suffix(b"Z").filter(|digits| digits.len() == 10)?;
    let two = |at: usize| u8::try_from(number(digits.get(at..at + 2)?)?).ok();
    let month = Month::try_from(two(0)?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, two(2)?).ok()?;
    let time = Time::from_hms(two(4)?, two(6)?, two(8)?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

fn number(digits: &[u8]) -> Option<u16> {
    let all = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| all)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(year: i32, month: u8, day: u8) -> Vec<u8> {
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.not_after = date_time_ymd(year, month, day);
        parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_of_its_forms() {
        // From 2050 on, years have four digits.
        for (year, month, day) in [(2026, 2, 28), (2049, 12, 31), (2050, 1, 1), (4096, 1, 1)] {
            let (before, after) = validity(&certificate(year, month, day)).unwrap();
            // What rcgen writes unless told otherwise.
            assert_eq!((before, after), (date_time_ymd(1975, 1, 1), date_time_ymd(year, month, day)));
        }
    }

    #[test]
    fn what_is_cut_short_has_no_end_and_does_no_harm() {
        let whole = certificate(2030, 1, 1);
        for length in 0..whole.len() {
            assert_eq!(of(&whole[..length]), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(bytes: Vec<u8>, at in 0_usize..300, byte: u8) {
            of(&bytes);
            let mut changed = certificate(2030, 1, 1);
            let at = at % changed.len();
            changed[at] = byte;
            of(&changed);
        }

        #[test]
        fn times_are_what_they_say_or_nothing(text in "[0-9]{10,14}Z?") {
            for tag in [Tag::UTCTime, Tag::GeneralizedTime] {
                moment(tag.into(), text.as_bytes());
            }
        }
    }
}
