//! The sources that are sent.

use std::io::{Cursor, Write};

use testkit::{Event, Form};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A source too large for its item, which returns its number and how often it ran.
pub(crate) fn source(which: u64) -> String {
    // Six random bits a character: 24,000 of them are 18 KB, which compression can't make smaller.
    let characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _".as_bytes();
    let mut dice = fastrand::Rng::with_seed(which);
    let noise: String =
        (0..24_000).map(|_| dice.choice(characters).map_or(' ', |c| *c as char)).collect();
    format!(
        "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return [{which}, n]\n#{noise}\n"
    )
}

/// A source that calls the one of this number in `three.py`.
pub(crate) fn importing(which: u64) -> String {
    format!("from three import handler  # {which}\n")
}

/// A project with such a source.
pub(crate) fn project() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("main.py", importing(3)), ("three.py", source(3))] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A build under the name of an app.
pub(crate) fn form(workspace: &str, app_name: &str, which: u64) -> Event {
    let form = Form::default().field("app_name", app_name);
    let form = form.field("workspace_id", id_in(workspace));
    form.file("f.py", source(which).as_bytes()).event("/api/v1/build-and-push")
}

/// The last part of a path.
pub(crate) fn id_in(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}
