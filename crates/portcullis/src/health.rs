//! `/healthz` and `/readyz` of a process with a database.

use axum::{Router, http::StatusCode, routing::get};
use storage::Db;

/// Alive while it answers; ready while the database does.
pub fn of_database(db: Db) -> Router {
    let ready = move || {
        let db = db.clone();
        async move { if db.ping().await.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE } }
    };
    Router::new().route("/healthz", get(|| async { StatusCode::OK })).route("/readyz", get(ready))
}
