//! `openapi.json`, which the suite `description` generates from the routes.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::error::Error;
use shared::http::BaseUrl;

/// The document. Only its server is parsed.
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

/// The document, with the base URL of the request as its server.
pub(crate) async fn document(BaseUrl(base): BaseUrl) -> Result<Json<Document<'static>>, Error> {
    let document = include_str!("../../../openapi.json");
    let document: Document<'_> = serde_json::from_str(document).map_err(Error::internal)?;
    Ok(Json(Document { servers: [Server { url: base }], ..document }))
}
