//! Which connector of a server a request goes through, wherever its tunnel hangs.
//!
//! The least busy one is asked, with one at another gateway only where that spares enough waiting; in a session, the process
//! that holds it. A request that was not delivered is offered to the next one, to each at most once; one that may have been
//! delivered is never sent again.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use domain::{AccountId, GatewayId, ServerId, tunnel::UNDELIVERED_HEADER};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::{
    account::Server,
    failure::{Failure, UpstreamFailure},
    hub::{Hub, Load, Tunnel, TunnelError},
    mesh::{Elsewhere, Freshness, Mesh},
    shared::Shared,
};

/// A connector here is preferred until it has so many requests more under way than one elsewhere.
const NEARER_BY: u32 = 4;
/// Most connectors that are offered one request.
const MOST_OFFERS: usize = 4;
/// How often a session whose connector may be on its way looks for it.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// One connector process, as it is reached from here.
#[derive(Clone, Debug)]
pub(crate) enum Reach {
    Here(Arc<Tunnel>),
    There(Box<Elsewhere>),
}

/// The way to a server behind connectors.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    around: Arc<Around>,
    account: AccountId,
    server: ServerId,
    /// The process that holds the session, if there is one.
    bound: Option<String>,
    first: Reach,
    /// Who got the first request; whatever follows goes there, too.
    taken: Arc<OnceLock<Reach>>,
}

/// The tunnels here, and the other gateways.
#[derive(Debug)]
pub(crate) struct Around {
    pub hub: Arc<Hub>,
    pub mesh: Arc<Mesh>,
    /// Processes that did not come back in time: their sessions do not wait again.
    lost: moka::sync::Cache<String, ()>,
    /// How long a session waits for its connector, which may be on its way from one gateway to another.
    comes_back_within: Duration,
}

/// A connector that was offered a request, and where.
type Offered = (Option<GatewayId>, String);

impl Around {
    pub(crate) fn new(hub: Arc<Hub>, mesh: Arc<Mesh>, comes_back_within: Duration) -> Self {
        let lost = moka::sync::Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(60)).build();
        Self { hub, mesh, lost, comes_back_within }
    }

    /// Whether a connector process can be reached.
    pub(crate) async fn reaches(&self, server: &Server, instance: &str) -> bool {
        self.bound(server.account, server.id, instance, &[]).await.is_some()
    }

    /// The connector process with this name, unless it was offered the request there already.
    async fn bound(&self, account: AccountId, server: ServerId, instance: &str, offered: &[Offered]) -> Option<Reach> {
        let here = self.hub.of_instance(server, instance).map(Reach::Here);
        if let Some(way) = here.filter(|way| !way.is_in(offered)) {
            return Some(way);
        }
        for freshness in [Freshness::Recent, Freshness::Now] {
            let elsewhere = self.mesh.elsewhere(account, server, freshness).await;
            let mut ways = elsewhere.iter().filter(|at| at.instance == instance).map(Reach::there);
            if let Some(way) = ways.find(|way| !way.is_in(offered)) {
                return Some(way);
            }
        }
        None
    }

    /// [`Around::bound`], waiting for a process that may be dialling just now.
    async fn bound_soon(
        &self,
        account: AccountId,
        server: ServerId,
        instance: &str,
        offered: &[Offered],
    ) -> Option<Reach> {
        let until = Instant::now() + self.comes_back_within;
        loop {
            let way = self.bound(account, server, instance, offered).await;
            if way.is_some() {
                self.lost.invalidate(instance);
                return way;
            }
            if self.lost.contains_key(instance) {
                return None;
            }
            if Instant::now() >= until {
                self.lost.insert(instance.to_owned(), ());
                return None;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The best connector for a request that belongs to no session.
    async fn best(&self, account: AccountId, server: ServerId, offered: &[Offered]) -> Option<Reach> {
        let here = self.hub.least(server, |tunnel| !Reach::Here(tunnel.clone()).is_in(offered));
        if let Some(tunnel) = here.as_ref().filter(|tunnel| tunnel.load() < NEARER_BY) {
            return Some(Reach::Here(tunnel.clone()));
        }
        let freshness = if offered.is_empty() { Freshness::Recent } else { Freshness::Now };
        let elsewhere = self.mesh.elsewhere(account, server, freshness).await;
        let reachable = elsewhere.iter().filter(|at| at.address.is_some() && !Reach::there(at).is_in(offered));
        let there = reachable.min_by_key(|at| self.mesh.load(at));
        match (here, there) {
            (Some(tunnel), Some(at)) if tunnel.load() >= self.mesh.load(at).saturating_add(NEARER_BY) => {
                Some(Reach::there(at))
            }
            (Some(tunnel), _) => Some(Reach::Here(tunnel)),
            (None, there) => there.map(Reach::there),
        }
    }

    /// [`Around::best`], once the others were asked anew: what is remembered of them may be older than the first connector.
    async fn best_now(&self, account: AccountId, server: ServerId) -> Option<Reach> {
        let _renewed = self.mesh.elsewhere(account, server, Freshness::Now).await;
        self.best(account, server, &[]).await
    }

    /// Why there is no way: what the caller is told.
    async fn none(&self, account: AccountId, server: ServerId, bound: Option<&str>) -> Failure {
        let elsewhere = self.mesh.elsewhere(account, server, Freshness::Now).await;
        let others = self.hub.count(server) > 0 || elsewhere.iter().any(|at| at.address.is_some());
        match bound {
            // The process that held the session is gone, and others are there: the client can begin anew.
            Some(_) if others => Failure::NoSession,
            _ if !elsewhere.is_empty() => UpstreamFailure::ConnectorElsewhere.into(),
            _ => UpstreamFailure::NoConnector.into(),
        }
    }
}

impl Route {
    /// The way to a server; a session stays with the process that holds it.
    pub(crate) async fn find(shared: &Shared, server: &Server, bound: Option<&str>) -> Result<Self, Failure> {
        let (around, account, id) = (shared.around.clone(), server.account, server.id);
        let way = match bound {
            Some(instance) => around.bound_soon(account, id, instance, &[]).await,
            None => match around.best(account, id, &[]).await {
                None => around.best_now(account, id).await,
                way => way,
            },
        };
        let Some(first) = way else { return Err(around.none(account, id, bound).await) };
        let bound = bound.map(str::to_owned);
        Ok(Self { around, account, server: id, bound, first, taken: Arc::default() })
    }

    /// The way through one tunnel and no other.
    pub(crate) fn through(shared: &Shared, tunnel: Arc<Tunnel>) -> Self {
        Self {
            around: shared.around.clone(),
            account: tunnel.account,
            server: tunnel.server,
            bound: Some(tunnel.instance.clone()),
            first: Reach::Here(tunnel),
            taken: Arc::default(),
        }
    }

    /// The process that got what was sent, or will get it first.
    pub(crate) fn instance(&self) -> &str {
        self.taken.get().unwrap_or(&self.first).instance()
    }

    /// Counts one more request at the process that got it, for as long as its answer takes.
    pub(crate) fn busy(&self) -> Load {
        match self.taken.get().unwrap_or(&self.first) {
            Reach::Here(tunnel) => tunnel.busy(),
            Reach::There(at) => self.around.mesh.busy(at),
        }
    }

    /// Sends a request and gives the answer's head.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Response<Incoming>, UpstreamFailure> {
        let mut offered = Vec::new();
        let mut way = self.taken.get().unwrap_or(&self.first).clone();
        loop {
            offered.push(way.offered());
            let answer = way.send(&self.around.mesh, request.clone()).await;
            let next = match &answer {
                Ok(response) if !may_be_offered_again(response) => None,
                Err(failure) if !matches!(failure, UpstreamFailure::Unreachable(_)) => None,
                answer if offered.len() < MOST_OFFERS => self.next(answer.is_ok(), &offered).await,
                _ => None,
            };
            let Some(next) = next else {
                if answer.is_ok() {
                    let _as_before = self.taken.set(way);
                }
                return answer;
            };
            tracing::info!(server = %self.server, "a connector did not get a request; the next one is asked");
            way = next;
        }
    }

    /// Who else may get a request that was not delivered.
    async fn next(&self, answered: bool, offered: &[Offered]) -> Option<Reach> {
        let bound = self.bound.as_deref().or_else(|| self.taken.get().map(Reach::instance));
        match bound {
            // It is there and says no: nobody else can say yes.
            Some(_) if answered => None,
            Some(instance) => self.around.bound_soon(self.account, self.server, instance, offered).await,
            None => self.around.best(self.account, self.server, offered).await,
        }
    }
}

impl Reach {
    fn there(at: &Elsewhere) -> Self {
        Self::There(Box::new(at.clone()))
    }

    fn instance(&self) -> &str {
        match self {
            Self::Here(tunnel) => &tunnel.instance,
            Self::There(at) => &at.instance,
        }
    }

    fn offered(&self) -> Offered {
        match self {
            Self::Here(tunnel) => (None, tunnel.instance.clone()),
            Self::There(at) => (Some(at.gateway), at.instance.clone()),
        }
    }

    fn is_in(&self, offered: &[Offered]) -> bool {
        offered.contains(&self.offered())
    }

    async fn send(&self, mesh: &Mesh, request: Request<Bytes>) -> Result<Response<Incoming>, UpstreamFailure> {
        match self {
            Self::There(at) => mesh.send(at, request).await,
            Self::Here(tunnel) => tunnel.send(request.map(Full::new)).await.map_err(|error| match error {
                TunnelError::Undelivered => {
                    UpstreamFailure::Unreachable("the connector's tunnel has just closed".to_owned())
                }
                TunnelError::Broken => UpstreamFailure::Broken("the connector's tunnel broke".to_owned()),
            }),
        }
    }
}

/// A connector that could not reach its server, as opposed to one that found fault with the request.
fn may_be_offered_again(response: &Response<Incoming>) -> bool {
    let status = response.status();
    let not_the_requests_fault = status == StatusCode::OK || status.is_server_error();
    not_the_requests_fault && response.headers().contains_key(UNDELIVERED_HEADER)
}
