//! A small HTTP client on one connection, for what a load generator cannot do: pace, pair, and look.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::net::TcpSocket;

/// One connection.
pub(super) struct Client(TcpStream);

/// An answer as it came: head and body.
pub(super) struct Answer(String);

impl Client {
    pub(super) fn connect(address: &str) -> Result<Self> {
        Self::over(TcpStream::connect(address)?)
    }

    /// Connects from an address of this machine: on Linux all of 127/8 is.
    pub(super) fn connect_from(source: Ipv4Addr, address: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stream = runtime.block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((source, 0)))?;
            anyhow::Ok(socket.connect(address.parse()?).await?.into_std()?)
        })?;
        stream.set_nonblocking(false)?;
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self(stream))
    }

    pub(super) fn get(&mut self, path: &str, token: &str) -> Result<Answer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"))
    }

    pub(super) fn post(&mut self, path: &str, json: &str) -> Result<Answer> {
        let length = json.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}"
        ))
    }

    fn send(&mut self, request: &str) -> Result<Answer> {
        self.0.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        let mut buffer = [0; 16 * 1024];
        let mut whole = usize::MAX;
        while bytes.len() < whole {
            let read = self.0.read(&mut buffer)?;
            ensure!(read > 0, "the server closed the connection");
            bytes.extend_from_slice(&buffer[..read]);
            if whole == usize::MAX
                && let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n")
            {
                let head = String::from_utf8_lossy(&bytes[..end]);
                let head = head.to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                whole = end + 4 + length.context("an answer without a length")?.parse::<usize>()?;
            }
        }
        Ok(Answer(String::from_utf8(bytes)?))
    }
}

impl Answer {
    pub(super) fn status(&self) -> &str {
        self.0.split(' ').nth(1).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The token in it.
    pub(super) fn token(&self) -> Result<String> {
        let body = self.0.split("\r\n\r\n").nth(1).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_str(body)?;
        Ok(json["token"].as_str().with_context(|| format!("no token in {body}"))?.to_owned())
    }
}

/// Waits until a server answers anything.
pub(super) fn wait_for_answer(address: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if Client::connect(address).and_then(|mut client| client.get("/healthz", "x")).is_ok() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "no server at {address}");
        sleep(Duration::from_micros(200));
    }
}
