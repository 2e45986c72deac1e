//! Requirements, paths, uploaded archives and inline metadata: whatever the bytes, they are taken or
//! refused in a short sentence, and what is taken reads back.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fuzz::assert_message;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use shared::domain::{CreateFunction, Fields, FilePath, Project, ProjectFiles, Requirements};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data).into_owned();
    match Requirements::try_from(text.clone()) {
        Ok(requirements) => assert_eq!(requirements.text(), text),
        Err(refusal) => assert_message(&refusal.0),
    }
    match FilePath::try_from(text.clone()) {
        Ok(path) => assert!(path.as_str().split('/').all(|part| !["", ".", ".."].contains(&part))),
        Err(refusal) => assert_message(&refusal.0),
    }
    match Project::from_zip(data, None) {
        Ok(project) => {
            let read = ProjectFiles::read(project.files.as_zip().to_vec());
            assert_eq!(read.expect("what was written is read").names(), project.files.names());
        }
        Err(refusal) => assert_message(&refusal.0),
    }
    // The source with its inline metadata, and a file.
    let body = json!({
        "name": "f", "code": STANDARD.encode(data), "files": {text: STANDARD.encode(data)},
    });
    let fields = Fields::parse(body.to_string().as_bytes()).expect("it is an object");
    if let Err(refusal) = CreateFunction::try_from(fields) {
        assert_message(&refusal.to_string());
    }
});
