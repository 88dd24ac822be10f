//! Which content coding a client prefers (RFC 9110, section 12.5.3), and responses that are there
//! in several.

use std::io::Write as _;

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};

use crate::response::{Answer, revalidated_by_all};
use crate::shelf::Rendered;

/// A weight in thousandths, of which there are three decimals at most.
const ONE: u16 = 1000;

/// The quality of brotli: the highest ones take twenty times as long, while a request waits, for a twentieth less.
const BROTLI_QUALITY: i32 = 9;

/// A form in which a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Brotli,
}

/// A body for everyone, as it is and compressed. Each has a tag of its own.
pub(crate) struct Encoded {
    plain: Rendered,
    gzip: Rendered,
    brotli: Rendered,
}

impl Encoded {
    /// Compresses a body. It is done once.
    pub(crate) fn new(plain: Bytes) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish()).unwrap_or_default();
        let mut brotli = Vec::new();
        let params = BrotliEncoderParams { quality: BROTLI_QUALITY, ..BrotliEncoderParams::default() };
        let _ = brotli::BrotliCompress(&mut &*plain, &mut brotli, &params);
        Self {
            gzip: Rendered::new(gzip.into()),
            brotli: Rendered::new(brotli.into()),
            plain: Rendered::new(plain),
        }
    }

    /// The response that the client prefers.
    pub(crate) fn respond(&self, request: &HeaderMap, content_type: HeaderValue) -> Answer {
        let coding = Coding::preferred(request, &[Coding::Brotli, Coding::Gzip]);
        let rendered = match coding {
            Coding::Identity => &self.plain,
            Coding::Gzip => &self.gzip,
            Coding::Brotli => &self.brotli,
        };
        encoded(request, rendered, content_type, coding)
    }
}

/// A response whose body may have been compressed.
pub(crate) fn encoded(
    request: &HeaderMap,
    rendered: &Rendered,
    content_type: HeaderValue,
    coding: Coding,
) -> Answer {
    let mut response = revalidated_by_all(request, rendered, content_type);
    let headers = response.headers_mut();
    if coding != Coding::Identity && headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    headers.insert(VARY, ACCEPT_ENCODING.into());
    response
}

impl Coding {
    const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }

    /// RFC 9110, section 8.4.1.3, knows gzip by another name as well.
    fn is_named(self, coding: &str) -> bool {
        coding.eq_ignore_ascii_case(self.name())
            || self == Self::Gzip && coding.eq_ignore_ascii_case("x-gzip")
    }

    /// The coding that the client prefers among those that are there. Of two with the same weight it is the first.
    ///
    /// Without `Accept-Encoding` nothing is compressed. A client that says nothing about `identity`
    /// takes it, and prefers whatever coding it names. If it takes none of them, it gets the body as it is.
    pub(crate) fn preferred(headers: &HeaderMap, there: &[Self]) -> Self {
        let weight_of = |coding: Self| weight_of(headers, |name| coding.is_named(name));
        let any = weight_of_any(headers);
        let identity = weight_of(Self::Identity).or(any).unwrap_or(0);
        let mut best = (Self::Identity, identity.max(1));
        for coding in there.iter().rev() {
            let weight = weight_of(*coding).or(any).unwrap_or(0);
            if weight >= best.1 {
                best = (*coding, weight);
            }
        }
        best.0
    }
}

fn weight_of_any(headers: &HeaderMap) -> Option<u16> {
    weight_of(headers, |name| name == "*")
}

/// The weight of the last entry whose coding is meant; none if there is no entry.
fn weight_of(headers: &HeaderMap, is_meant: impl Fn(&str) -> bool) -> Option<u16> {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let entries = lines.flat_map(|line| line.split(','));
    let weights = entries.filter_map(|entry| {
        let (coding, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        is_meant(coding.trim()).then(|| weight(parameters)).flatten()
    });
    weights.last()
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
    use std::collections::BTreeSet;
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

    fn preferred(lines: &[&'static str]) -> Coding {
        Coding::preferred(&accept(lines), &[Coding::Brotli, Coding::Gzip])
    }

    #[test]
    fn the_coding_with_the_greatest_weight_is_chosen() {
        for (lines, coding) in [
            (&["gzip"][..], Coding::Gzip),
            (&["GZIP"], Coding::Gzip),
            (&["x-gzip"], Coding::Gzip),
            (&["gzip;q=0.001"], Coding::Gzip),
            (&["gzip ; q = 0.5, identity;q=0.5"], Coding::Gzip),
            (&["identity;q=0, gzip;q=0.5"], Coding::Gzip),
            (&["br;q=0.9, gzip;q=1.0"], Coding::Gzip),
            (&["br;q=0, gzip;q=0.1"], Coding::Gzip),
            (&["br;q=0, *"], Coding::Gzip),
            (&["deflate, gzip;q=1.0, *;q=0.5"], Coding::Gzip),
            (&["br"], Coding::Brotli),
            (&["br", "gzip"], Coding::Brotli),
            (&["gzip, deflate, br, zstd"], Coding::Brotli),
            (&["BR;q=0.2, gzip;q=0.1"], Coding::Brotli),
            (&["gzip;q=0.000, *"], Coding::Brotli),
            (&["*"], Coding::Brotli),
            (&["*;q=0.1"], Coding::Brotli),
            (&[], Coding::Identity),
            (&[""], Coding::Identity),
            (&["identity"], Coding::Identity),
            (&["zstd"], Coding::Identity),
            (&["gzip;q=0"], Coding::Identity),
            (&["gzip;q=0.5, identity"], Coding::Identity),
            (&["gzip;q=0.5, br;q=0.5, identity;q=0.6"], Coding::Identity),
            (&["*;q=0"], Coding::Identity),
            (&["identity;q=0"], Coding::Identity),
            (&["gzip;q=2"], Coding::Identity),
            (&["gzip;q=-1"], Coding::Identity),
            (&["gzip;q=0.0001"], Coding::Identity),
            (&["gzip;q=x"], Coding::Identity),
            (&["gzip;level=9"], Coding::Identity),
            (&["gzipped"], Coding::Identity),
        ] {
            assert_eq!(preferred(lines), coding, "{lines:?}");
        }
        assert_eq!(Coding::preferred(&accept(&["br, gzip;q=0.1"]), &[Coding::Gzip]), Coding::Gzip);
    }

    #[tokio::test]
    async fn each_coding_has_its_own_tag_and_is_confirmed_by_it_alone() {
        let body = Bytes::from("{\"a\":1}".repeat(100));
        let all = Encoded::new(body.clone());
        let [plain, gzip, brotli] =
            [&[][..], &["gzip"], &["br"]].map(|lines| all.respond(&accept(lines), JSON));
        let tags: BTreeSet<_> =
            [&plain, &gzip, &brotli].map(|response| response.headers()[ETAG].clone()).into();
        assert_eq!(tags.len(), 3);
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(gzip.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(brotli.headers()[CONTENT_ENCODING], "br");
        let mut known = accept(&["gzip"]);
        known.insert(IF_NONE_MATCH, gzip.headers()[ETAG].clone());
        let unchanged = all.respond(&known, JSON);
        assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
        assert!(!unchanged.headers().contains_key(CONTENT_ENCODING));
        known.remove(ACCEPT_ENCODING);
        assert_eq!(all.respond(&known, JSON).status(), StatusCode::OK);
        for response in [&plain, &gzip, &brotli, &unchanged] {
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
        let packed = gzip.into_body().collect().await.unwrap().to_bytes();
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
        assert_eq!((unpacked, packed.len() < body.len()), (body.to_vec(), true));
        let packed = brotli.into_body().collect().await.unwrap().to_bytes();
        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(&mut &*packed, &mut unpacked).unwrap();
        assert_eq!((unpacked, packed.len() < body.len()), (body.to_vec(), true));
    }

    proptest! {
        #[test]
        fn no_header_panics(line in "[gzip*;,q=0-9. ]{0,30}") {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::try_from(line).unwrap())]);
            Coding::preferred(&headers, &[Coding::Brotli, Coding::Gzip]);
        }
    }
}
