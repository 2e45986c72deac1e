//! Forms as browsers send them.

use crate::Event;

const BOUNDARY: &str = "----WebKitFormBoundaryTpNbqUn2y8Bv4Zxk";

/// A form of the type `multipart/form-data`.
#[derive(Clone, Debug)]
pub struct Form {
    boundary: &'static str,
    parts: Vec<(String, Vec<u8>)>,
}

impl Default for Form {
    fn default() -> Self {
        Self { boundary: BOUNDARY, parts: Vec::new() }
    }
}

impl Form {
    /// The same with a field.
    #[must_use]
    pub fn field(self, name: &str, value: &str) -> Self {
        self.part(format!("name=\"{name}\""), value.as_bytes())
    }

    /// The same with the field `file`, of a file with this name.
    #[must_use]
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        let kind = "Content-Type: application/octet-stream";
        self.part(format!("name=\"file\"; filename=\"{name}\"\r\n{kind}"), content)
    }

    /// The same between other boundaries.
    #[must_use]
    pub fn with_boundary(self, boundary: &'static str) -> Self {
        Self { boundary, ..self }
    }

    fn part(mut self, disposition: String, content: &[u8]) -> Self {
        self.parts.push((disposition, content.to_vec()));
        self
    }

    /// Its type and its body.
    pub fn content(&self) -> (String, Vec<u8>) {
        let boundary = self.boundary;
        let mut body = Vec::new();
        for (disposition, content) in &self.parts {
            let head =
                format!("--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }

    /// A `POST` of it, as API Gateway passes it on.
    pub fn event(&self, path: &str) -> Event {
        let (kind, body) = self.content();
        Event::new("POST", path).bytes(&body).header("content-type", Some(&kind))
    }
}
