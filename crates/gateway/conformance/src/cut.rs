//! Breaks the stream of a call off while the call goes on, as servers of the `initialize` era may: the client comes back for
//! the rest with `Last-Event-ID`.

use std::sync::Arc;

use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use futures_util::StreamExt as _;
use tokio::sync::Notify;

/// Ends the stream that a request is answered on.
#[derive(Clone, Default)]
pub struct Cut(Arc<Notify>);

impl Cut {
    pub fn now(&self) {
        self.0.notify_one();
    }
}

/// Gives every request its [`Cut`].
pub async fn layer(mut request: Request, next: Next) -> Response {
    let cut = Cut::default();
    request.extensions_mut().insert(cut.clone());
    let (parts, body) = next.run(request).await.into_parts();
    let told = async move { cut.0.notified().await };
    Response::from_parts(parts, Body::from_stream(body.into_data_stream().take_until(Box::pin(told))))
}
