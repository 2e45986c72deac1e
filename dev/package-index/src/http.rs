//! As much of HTTP/1.1 as an installer and a PUT need: one request for each connection.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The names are in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Response {
    pub(crate) status: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// One without content.
    pub(crate) fn status(status: &'static str) -> Self {
        Self { status, content_type: "text/plain", body: Vec::new() }
    }
}

/// Answers the request of a connection. It fails where the other side breaks it off.
pub(crate) fn serve(
    connection: TcpStream,
    respond: impl FnOnce(Request) -> Response,
) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    let request = read(&mut reader)?;
    let is_head = request.method == "HEAD";
    let Response { status, content_type, body } = respond(request);
    let mut writer = reader.into_inner();
    write!(
        writer,
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    )?;
    if !is_head {
        writer.write_all(&body)?;
    }
    writer.flush()
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Request> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request { method, path, headers, body })
}
