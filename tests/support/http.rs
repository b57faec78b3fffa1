//! One HTTP request at a time over a plain socket: enough to ask a server what it shows, and no client library to trust.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Status and body.
#[derive(Debug)]
pub struct Answer {
    /// 200, 404 …
    pub status: u16,
    /// The header lines, as they came.
    pub head: String,
    /// What follows them, as text.
    pub body: String,
}

/// GET `url` (`http://host:port/path?query`).
pub fn get(url: &str) -> std::io::Result<Answer> {
    request("GET", url, "", "", None)
}

/// POST `body` to `url` with that content type.
pub fn post(url: &str, content_type: &str, body: &str) -> std::io::Result<Answer> {
    request("POST", url, content_type, body, None)
}

/// The same with `Authorization: Bearer <token>`, if there is a token.
pub fn post_as(url: &str, token: Option<&str>, content_type: &str, body: &str) -> std::io::Result<Answer> {
    request("POST", url, content_type, body, token)
}

/// `text` as part of a query string.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

// HTTP/1.0: the server closes the connection at the end of the body and sends no chunks.
fn request(method: &str, url: &str, content_type: &str, body: &str, token: Option<&str>) -> std::io::Result<Answer> {
    let rest = url.strip_prefix("http://").expect("a URL that begins with http://");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    write!(socket, "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n")?;
    if !content_type.is_empty() {
        write!(socket, "Content-Type: {content_type}\r\n")?;
    }
    if let Some(token) = token {
        write!(socket, "Authorization: Bearer {token}\r\n")?;
    }
    write!(socket, "\r\n{body}")?;
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let invalid = || std::io::Error::other(format!("no HTTP answer: {head:?}"));
    Ok(Answer { status: status.ok_or_else(invalid)?, head: head.to_owned(), body: body.to_owned() })
}
