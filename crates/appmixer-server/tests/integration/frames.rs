//! HTTP/2 by hand: frames (RFC 9113 section 4) over TLS, also those that no honest client sends.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::secure::{Authority, Stream, connect};
use crate::support::PATIENCE;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const ACK: u8 = 1;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes of one frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Fields as HPACK literals that are neither indexed nor compressed (RFC 7541 section 6.2.2).
pub(crate) fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

/// A length in seven bits and more (RFC 7541 section 5.1), and the bytes.
pub(crate) fn text(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        block.push(u8::try_from(length).unwrap());
    }
    block.extend(text.as_bytes());
}

/// The fields that every request has.
pub(crate) fn request<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
}

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The reason of `RST_STREAM`, or of `GOAWAY`.
    pub(crate) fn reason(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The status of an answer: the first field, from the static table or as digits (RFC 7541, appendices A and B).
    pub(crate) fn status(&self) -> u16 {
        let mut block = &self.payload[..];
        // The table may be told its size first.
        while block[0] & 0xe0 == 0x20 {
            block = &block[1..];
        }
        let known = [200, 204, 206, 304, 400, 404, 500];
        if block[0] & 0x80 != 0 {
            return known[usize::from(block[0] & 0x7f) - 8];
        }
        assert!(matches!(block[0], 0x48 | 0x08), "no status: {block:?}");
        let length = usize::from(block[1] & 0x7f);
        let value = &block[2..2 + length];
        if block[1] & 0x80 == 0 {
            return std::str::from_utf8(value).unwrap().parse().unwrap();
        }
        let mut bits: Vec<u8> =
            value.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
        let mut status = 0;
        for _ in 0..3 {
            let number = |bits: &[u8]| bits.iter().fold(0_u16, |sum, bit| sum << 1 | u16::from(*bit));
            let (digit, length) = match number(&bits[..5]) {
                digit @ 0..=2 => (digit, 5),
                _ => (number(&bits[..6]) - 0b01_1001 + 3, 6),
            };
            status = status * 10 + digit;
            bits.drain(..length);
        }
        status
    }
}

/// One connection that has agreed on HTTP/2.
pub(crate) struct Http2 {
    pub(crate) stream: Stream,
    inbox: Vec<u8>,
}

impl Http2 {
    /// With the preface, and with settings that keep the server from indexing what it answers.
    pub(crate) fn connect(authority: &Authority, address: &str) -> Self {
        Self::with_settings(authority, address, &[(1, 0)])
    }

    /// With these settings instead.
    pub(crate) fn with_settings(authority: &Authority, address: &str, settings: &[(u16, u32)]) -> Self {
        let mut http2 = Self::bare(authority, address);
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        http2.write(&[PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat()).unwrap();
        http2
    }

    /// Before anything was said.
    pub(crate) fn bare(authority: &Authority, address: &str) -> Self {
        let stream = connect(address, &authority.client(&["h2"])).unwrap();
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"h2"[..]));
        Self { stream, inbox: Vec::new() }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// A frame that the server must take.
    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload)).unwrap();
    }

    /// A request without a body.
    pub(crate) fn ask(&mut self, stream: u32, list: &[(&str, &str)]) {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &fields(list));
    }

    /// A request whose body is to come.
    pub(crate) fn begin(&mut self, stream: u32, path: &str, length: Option<&str>) {
        let mut list = request("POST", path);
        list.push(("content-type", "application/json"));
        list.extend(length.map(|length| ("content-length", length)));
        self.send(HEADERS, END_HEADERS, stream, &fields(&list));
    }

    /// The next frame; none when the connection has ended. Settings and pings are acknowledged.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.parse() {
                let answer: &[u8] = if frame.kind == PING { &frame.payload } else { &[] };
                if matches!(frame.kind, SETTINGS | PING) && frame.flags & ACK == 0 {
                    let _ = self.write(&self::frame(frame.kind, ACK, 0, answer));
                }
                return Some(frame);
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.inbox.extend(&buffer[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("the server says nothing")
                }
                Err(_) => return None,
            }
        }
    }

    fn parse(&mut self) -> Option<Frame> {
        let head = self.inbox.get(..9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
        let payload = self.inbox.get(9..9 + length)?.to_vec();
        self.inbox.drain(..9 + length);
        Some(Frame { kind, flags, stream, payload })
    }

    /// The next frame of this kind; others are passed over.
    pub(crate) fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().unwrap_or_else(|| panic!("ended without a frame of kind {kind}"));
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// What comes of streams until a ping is answered.
    pub(crate) fn said(&mut self) -> Vec<Frame> {
        self.send(PING, 0, 0, &[7; 8]);
        let mut frames = Vec::new();
        loop {
            let frame = self.next().expect("the connection has ended");
            match frame.kind {
                PING if frame.flags & ACK != 0 => return frames,
                _ if frame.stream > 0 => frames.push(frame),
                _ => {}
            }
        }
    }

    /// Status and body of the answer on a stream of a connection that goes on.
    #[track_caller]
    pub(crate) fn answer(&mut self, stream: u32) -> (u16, String) {
        self.answer_unless(stream, GOAWAY)
    }

    /// The same when the server has said that it will be the last.
    #[track_caller]
    pub(crate) fn answer_while_it_ends(&mut self, stream: u32) -> (u16, String) {
        self.answer_unless(stream, u8::MAX)
    }

    #[track_caller]
    fn answer_unless(&mut self, stream: u32, unless: u8) -> (u16, String) {
        let (mut status, mut body) = (0, Vec::new());
        loop {
            let frame = self.next().unwrap_or_else(|| panic!("ended without an answer on {stream}"));
            if frame.stream != stream {
                assert_ne!(frame.kind, unless, "{frame:?}");
                continue;
            }
            match frame.kind {
                HEADERS => status = frame.status(),
                DATA => body.extend(&frame.payload),
                RST_STREAM => panic!("stream {stream} was reset: {}", frame.reason()),
                _ => continue,
            }
            if frame.flags & END_STREAM != 0 {
                return (status, String::from_utf8(body).unwrap());
            }
        }
    }

    /// The status of the response on a stream; none if the stream is reset or the connection ends.
    pub(crate) fn refusal(&mut self, stream: u32) -> Option<u16> {
        loop {
            match self.next()? {
                frame if frame.kind == GOAWAY || (frame.kind == RST_STREAM && frame.stream == stream) => {
                    return None;
                }
                frame if frame.kind == HEADERS && frame.stream == stream => return Some(frame.status()),
                _ => {}
            }
        }
    }

    /// The error that an answer is, whose body must have its shape.
    #[track_caller]
    pub(crate) fn error(&mut self, stream: u32) -> (u16, String) {
        let (status, body) = self.answer(stream);
        let json: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body:?}"));
        assert_eq!(json["statusCode"], status);
        (status, json["message"].as_str().unwrap().to_owned())
    }

    /// That the server ends the connection. The reason that it gave, where it could: the system may drop what was
    /// still to be read when there was more to be sent.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> Option<u32> {
        let deadline = Instant::now() + PATIENCE;
        let mut reason = None;
        while let Some(frame) = self.next() {
            if frame.kind == GOAWAY {
                reason = Some(frame.reason());
            }
            assert!(Instant::now() < deadline, "the connection goes on");
        }
        reason
    }

    /// Sends this again and again, so many times or until the server does not want any more.
    pub(crate) fn flood(&mut self, times: usize, bytes: impl Fn(usize) -> Vec<u8>) {
        self.stream.sock.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut batch = Vec::new();
        for time in 0..times {
            batch.extend(bytes(time));
            if batch.len() > 64 * 1024 || time + 1 == times {
                if self.write(&batch).is_err() {
                    break;
                }
                batch.clear();
            }
        }
    }
}

/// The number of the request that comes so many after the first.
pub(crate) fn nth(request: usize) -> u32 {
    u32::try_from(request).unwrap() * 2 + 1
}
