//! The gateway as the binary holds it: made of its parts, routed, run in the background, closed.

use std::sync::Arc;

use axum::Router;
use domain::GatewayId;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    background, mesh, routes,
    shared::{GatewayParts, Shared},
    stack,
};

/// The data plane of one process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gateway(pub(crate) Arc<Shared>);

impl Gateway {
    /// A gateway of these parts. It serves at once; [`Gateway::run_background`] keeps it up to date.
    #[must_use]
    pub fn new(parts: GatewayParts) -> Self {
        Self(Arc::new(Shared::new(parts)))
    }

    /// The MCP endpoints and the tunnel, without the health checks: for a process that serves other things as well.
    pub fn routes(&self) -> Router {
        routes::mcp(&self.0)
    }

    /// Everything a gateway process serves.
    pub fn router(&self) -> Router {
        routes::mcp(&self.0).merge(routes::health(&self.0))
    }

    /// Follows the published snapshots, and says again and again which connectors are here, until cancelled.
    pub async fn run_background(&self, cancel: CancellationToken) {
        background::run(&self.0, cancel).await;
    }

    /// Serves the other gateways of the deployment, and nobody else, until this one closes. The listener is to be where
    /// [`Config::mesh_address`](crate::Config::mesh_address) says.
    pub async fn serve_mesh(&self, listener: TcpListener) {
        mesh::serve(self.0.clone(), listener, stack::handed_on).await;
    }

    /// Ends long streams and tunnels, and waits until every call is settled and every record on the bus. Requests that
    /// come later are answered that the gateway is busy.
    pub async fn close(&self) {
        self.0.requests.close();
        self.0.closing.cancel();
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }

    /// This process, as its records name it.
    #[must_use]
    pub fn id(&self) -> GatewayId {
        self.0.id
    }
}
