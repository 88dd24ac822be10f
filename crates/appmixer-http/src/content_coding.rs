//! Which content coding a client prefers (RFC 9110, section 12.5.3), and responses that are there
//! in several.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};

use crate::response::{Answer, revalidated_by_all};
use crate::shelf::Rendered;

/// A weight in thousandths, of which there are three decimals at most.
const ONE: u16 = 1000;

/// A body for everyone, as it is and compressed. Each has a tag of its own.
pub(crate) struct Encoded {
    plain: Rendered,
    gzip: Rendered,
}

impl Encoded {
    /// Compresses a body, as small as it gets: it is done once.
    pub(crate) fn new(plain: Bytes) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let packed = encoder.write_all(&plain).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { gzip: Rendered::new(packed.into()), plain: Rendered::new(plain) }
    }

    /// The response that the client prefers.
    pub(crate) fn respond(&self, request: &HeaderMap, content_type: HeaderValue) -> Answer {
        let is_gzip = prefers_gzip(request);
        let rendered = if is_gzip { &self.gzip } else { &self.plain };
        encoded(request, rendered, content_type, is_gzip)
    }
}

/// A response whose body may have been compressed.
pub(crate) fn encoded(
    request: &HeaderMap,
    rendered: &Rendered,
    content_type: HeaderValue,
    is_gzip: bool,
) -> Answer {
    let mut response = revalidated_by_all(request, rendered, content_type);
    let headers = response.headers_mut();
    if is_gzip && headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(VARY, ACCEPT_ENCODING.into());
    response
}

/// Whether the client prefers gzip to no coding at all.
///
/// Without `Accept-Encoding` nothing is compressed. A client that says nothing about `identity`
/// takes it, and prefers whatever coding it names. If it takes neither, it gets the body as it is.
pub(crate) fn prefers_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    for entry in lines.flat_map(|line| line.split(',')) {
        let (coding, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let Some(weight) = weight(parameters) else { continue };
        let place = match coding.trim() {
            "*" => &mut any,
            coding if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") => {
                &mut gzip
            }
            coding if coding.eq_ignore_ascii_case("identity") => &mut identity,
            _ => continue,
        };
        *place = Some(weight);
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.or(any).unwrap_or(0)
}

/// What parameters say about the weight; none if they are no weight.
fn weight(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(ONE);
    }
    let (name, value) = parameters.split_once('=')?;
    if !name.trim_end().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, decimals) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_number = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{decimals:0<3}").parse().ok().filter(|_| is_number)?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(ONE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use http::StatusCode;
    use http::header::{ETAG, IF_NONE_MATCH};
    use http_body_util::BodyExt as _;
    use proptest::prelude::*;

    use super::*;
    use crate::response::JSON;

    fn accept(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (ACCEPT_ENCODING, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn the_coding_with_the_greatest_weight_is_chosen() {
        for lines in [
            &["gzip"][..],
            &["GZIP"],
            &["x-gzip"],
            &["deflate, gzip;q=1.0, *;q=0.5"],
            &["br", "gzip"],
            &["gzip;q=0.001"],
            &["gzip ; q = 0.5, identity;q=0.5"],
            &["*"],
            &["*;q=0.1"],
            &["identity;q=0, gzip;q=0.5"],
            &["gzip, deflate, br, zstd"],
        ] {
            assert!(prefers_gzip(&accept(lines)), "{lines:?}");
        }
        for lines in [
            &[][..],
            &[""],
            &["identity"],
            &["br"],
            &["gzip;q=0"],
            &["gzip;q=0.000, *"],
            &["gzip;q=0.5, identity"],
            &["gzip;q=0.5, identity;q=0.6"],
            &["*;q=0"],
            &["identity;q=0"],
            &["gzip;q=2"],
            &["gzip;q=-1"],
            &["gzip;q=0.0001"],
            &["gzip;q=x"],
            &["gzip;level=9"],
            &["gzipped"],
        ] {
            assert!(!prefers_gzip(&accept(lines)), "{lines:?}");
        }
    }

    #[tokio::test]
    async fn each_coding_has_its_own_tag_and_is_confirmed_by_it_alone() {
        let body = Bytes::from("{\"a\":1}".repeat(100));
        let both = Encoded::new(body.clone());
        let (plain, gzip) = (both.respond(&accept(&[]), JSON), both.respond(&accept(&["gzip"]), JSON));
        assert_ne!(plain.headers()[ETAG], gzip.headers()[ETAG]);
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(gzip.headers()[CONTENT_ENCODING], "gzip");
        let mut known = accept(&["gzip"]);
        known.insert(IF_NONE_MATCH, gzip.headers()[ETAG].clone());
        let unchanged = both.respond(&known, JSON);
        assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
        assert!(!unchanged.headers().contains_key(CONTENT_ENCODING));
        known.remove(ACCEPT_ENCODING);
        assert_eq!(both.respond(&known, JSON).status(), StatusCode::OK);
        for response in [&plain, &gzip, &unchanged] {
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
        let packed = gzip.into_body().collect().await.unwrap().to_bytes();
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
        assert_eq!((unpacked, packed.len() < body.len()), (body.to_vec(), true));
    }

    proptest! {
        #[test]
        fn no_header_panics(line in "[gzip*;,q=0-9. ]{0,30}") {
            prefers_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::try_from(line).unwrap())]));
        }
    }
}
