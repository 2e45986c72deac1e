//! The API's description, `openapi.json`, which a test makes of the routes themselves.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::error::Error;
use shared::http::BaseUrl;

/// The description, of which only the server is looked into.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document<'a> {
    #[serde(borrow)]
    openapi: &'a RawValue,
    #[serde(borrow)]
    info: &'a RawValue,
    servers: [Server; 1],
    #[serde(borrow)]
    paths: &'a RawValue,
    #[serde(borrow)]
    components: &'a RawValue,
    #[serde(borrow)]
    tags: &'a RawValue,
}

#[derive(Deserialize, Serialize)]
struct Server {
    url: String,
}

/// The description, with the server that the request came to.
pub(crate) async fn openapi(BaseUrl(base): BaseUrl) -> Result<Json<Document<'static>>, Error> {
    let document = include_str!("../../../openapi.json");
    let document: Document<'_> = serde_json::from_str(document).map_err(Error::internal)?;
    Ok(Json(Document { servers: [Server { url: base }], ..document }))
}
