//! Forms of builds, with a source or an archive in them: what is taken is valid, and what isn't is
//! refused in a short sentence.
#![no_main]

use std::sync::LazyLock;

use axum::extract::{FromRequest, Request};
use builds::BuildForm;
use fuzz::assert_message;
use http::header::CONTENT_TYPE;
use libfuzzer_sys::fuzz_target;
use shared::domain::{Code, Name};
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

fuzz_target!(|data: &[u8]| {
    let mut request = Request::new(data.to_vec().into());
    let kind = "multipart/form-data; boundary=x".parse().expect("a header");
    request.headers_mut().insert(CONTENT_TYPE, kind);
    match RUNTIME.block_on(BuildForm::from_request(request, &())) {
        Ok(form) => {
            assert!((1..=Code::MAX_BYTES).contains(&form.file.code.as_bytes().len()));
            assert!((1..=Name::MAX_CHARS).contains(&form.app_name.as_str().chars().count()));
            let name = form.file.name.as_str();
            assert!(!name.is_empty() && !name.contains(['/', '\\']));
            assert!(!name.chars().any(char::is_control));
        }
        Err(error) => assert_message(&error.to_string()),
    }
});
