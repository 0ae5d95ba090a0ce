//! `/policy.schema.json`: the JSON Schema of the policy language, for the workbench and for every editor that can read one.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::LazyLock,
};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use crate::routes::{Routes, Who};

/// The text and its entity tag.
static SCHEMA: LazyLock<(String, String)> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(&policy::schema()).unwrap_or_default();
    text.push('\n');
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    (text, tag)
});

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/policy.schema.json", Who::Anyone, serve)
}

async fn serve(headers: HeaderMap) -> Response {
    let (text, tag) = &*SCHEMA;
    let kept = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, "public, max-age=300")];
    if known(&headers, tag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(header::CONTENT_TYPE, "application/schema+json")], text.as_str()).into_response()
}

/// Whether the asker has this text already.
fn known(headers: &HeaderMap, tag: &str) -> bool {
    let asked = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let tags = asked.flat_map(|tags| tags.split(',')).map(|known| known.trim().trim_start_matches("W/"));
    tags.into_iter().any(|known| known == tag || known == "*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    #[tokio::test]
    async fn anyone_gets_it_and_whoever_has_it_gets_nothing() {
        let site = Site::new().await;
        let seen = site.anonymous().open_once("/policy.schema.json").await;
        assert_eq!((seen.status, seen.header("content-type")), (StatusCode::OK, "application/schema+json"));
        let schema: serde_json::Value = serde_json::from_str(&seen.text).unwrap();
        assert!(schema["$schema"].as_str().is_some_and(|of| of.contains("2020-12")), "{schema}");
        let tag = seen.header("etag").to_owned();
        assert!(tag.len() > 10 && tag.starts_with('"'), "{tag}");
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, format!("\"other\", W/{tag}").parse().unwrap());
        assert!(known(&headers, &tag));
        assert_eq!(serve(headers).await.status(), StatusCode::NOT_MODIFIED);
        assert!(!known(&HeaderMap::new(), &tag));
    }
}
