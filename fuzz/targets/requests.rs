//! Requests in HTTP/1.1, through the gateway's event and `shared::http::lambda`.
#![no_main]

use std::sync::LazyLock;

use axum::Router;
use fuzz::gateway::{request, send_to_routes};
use libfuzzer_sys::fuzz_target;

static ROUTER: LazyLock<Router> = LazyLock::new(fuzz::routes::router);

fuzz_target!(|data: &[u8]| {
    let Some(event) = request(data) else { return };
    let Some(answer) = send_to_routes(&ROUTER, &event) else { return };
    let link = answer.header("link");
    if !link.is_empty() {
        // A link is a valid request, and continues the same list.
        let target = target(link);
        let next = request(format!("GET {target}").as_bytes()).expect("a link is a request");
        let next = send_to_routes(&ROUTER, &next).expect("a link is a request");
        assert_eq!(next.status, 200, "{link}");
        let query = |target: &str| target.split_once('?').map(|(_, query)| query.to_owned());
        assert_eq!(query(self::target(next.header("link"))), query(target), "{link}");
    }
});

fn target(link: &str) -> &str {
    let target = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
    let target = target.expect("a link to the next page");
    assert!(!target.contains(['<', '>', '"', ' ', '#']), "{link}");
    target
}
