//! Looking at servers: while a form is open, and again on request.

use std::time::Duration;

use domain::{Inventory, Permission, Secret, ServerId, Transport};
use http::{HeaderMap, HeaderValue, header};
use mcp::OwnClient;
use storage::AccountScope;
use upstream::{Limits, Probe, StepOutcome, Target, UpstreamUrl};

use super::form::{read_headers, read_url};
use crate::{
    Accounts, Caller, Error,
    server_headers::{header_map, open_headers},
};

/// Who we say we are when we look at a server ourselves.
const CLIENT: OwnClient<'static> = OwnClient { name: "portcullis", version: env!("CARGO_PKG_VERSION") };

/// A server that is about to be registered.
#[derive(Clone, Debug)]
pub struct NewServerProbe {
    /// Its URL as typed.
    pub url: String,
    /// Its headers as typed.
    pub headers: Vec<(String, Secret<String>)>,
}

impl Accounts {
    /// Looks at what answers at a URL, step by step.
    ///
    /// # Errors
    /// [`Error::Invalid`]: fields `url`, `headers`.
    pub async fn probe(&self, caller: &Caller, form: &NewServerProbe) -> Result<Probe, Error> {
        caller.allowed(Permission::ManageServers)?;
        let headers = read_headers(&form.headers)?;
        let Transport::Http { url } = read_url(&form.url, self.dialer().egress())? else { return Err(Error::NotFound) };
        let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.expose().as_bytes()));
        self.probe_at(&url, header_map(pairs)).await
    }

    /// Looks at a registered server again and takes in its tools. A server behind a tunnel is looked at by the gateway that
    /// its connector is connected to, whenever one arrives; here it gives `None`.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn refresh_tools(&self, caller: &Caller, server: ServerId) -> Result<Option<Probe>, Error> {
        caller.allowed(Permission::ManageServers)?;
        self.look_at(caller, server).await
    }

    /// Looks at a server that is reached by URL and takes in what was found.
    pub(crate) async fn look_at(&self, caller: &Caller, server: ServerId) -> Result<Option<Probe>, Error> {
        let mut tx = self.db().account(caller.scope()).await?;
        let row = tx.server(server).await?.ok_or(Error::NotFound)?;
        let account = tx.account_row().await?;
        let sealed = tx.server_headers(server).await?;
        let bearer = self.bearer_for(&mut tx, server, caller.user()).await?;
        tx.commit().await?;
        let Transport::Http { url } = row.transport else { return Ok(None) };
        let key = self.key().open_data_key(account.id, &account.data_key)?;
        let mut headers = open_headers(server, &sealed, &key)?;
        if let Some(token) = &bearer
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let has_credential = headers.contains_key(header::AUTHORIZATION);
        let probe = self.probe_at(&url, headers).await?;
        self.take_probe(caller.scope(), server, &probe).await?;
        if probe.wants_oauth && !has_credential {
            self.wants_oauth(caller, server).await?;
        }
        Ok(Some(probe))
    }

    async fn probe_at(&self, url: &str, headers: HeaderMap) -> Result<Probe, Error> {
        let invalid = |error: upstream::UrlError| Error::field("url", error);
        let uri = UpstreamUrl::parse_for(url, self.dialer().egress()).and_then(|url| url.to_uri()).map_err(invalid)?;
        let limits = Limits { per_request: Duration::from_secs(8), ..Limits::default() };
        Ok(upstream::probe(self.dialer(), Target { uri, headers, client: CLIENT, limits }).await)
    }

    async fn take_probe(&self, scope: &AccountScope, server: ServerId, probe: &Probe) -> Result<(), Error> {
        let tools = match probe.failed().map(|step| (step.name, &step.outcome)) {
            Some((name, StepOutcome::Failed { words, upstream_words })) => {
                let own = upstream_words.as_deref().map(|own| format!(" ({own})")).unwrap_or_default();
                Err(format!("{}: {words}{own}", name.title()))
            }
            _ => Ok(probe.tools.clone()),
        };
        let inventory = Inventory {
            server,
            at: self.now(),
            server_info: probe.server_info.clone(),
            protocol_version: probe.protocol_version.clone().unwrap_or_default(),
            tools,
        };
        self.take_inventory(scope, &inventory).await?;
        Ok(())
    }
}
