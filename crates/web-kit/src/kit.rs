//! The kit: configuration and randomness, and the layers in their order.

use std::{fmt, sync::Arc};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use domain::{Entropy, Timestamp};

use crate::{Config, ErrorView, MAX_FORM_BYTES, Stage, guard, rescue, stage};

/// Makes the error page's markup.
pub type ErrorPage = fn(&Stage, &ErrorView) -> String;

/// What the layers and extractors share. Cheap to clone.
#[derive(Clone)]
pub struct Kit(Arc<Inner>);

struct Inner {
    config: Config,
    error_page: ErrorPage,
}

impl Kit {
    /// A kit.
    #[must_use]
    pub fn new(config: Config, error_page: ErrorPage) -> Self {
        Self(Arc::new(Inner { config, error_page }))
    }

    /// How the control plane is reached.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.config.clock.now()
    }

    pub(crate) fn entropy(&self) -> &Entropy {
        &self.0.config.entropy
    }

    pub(crate) fn error_page(&self) -> ErrorPage {
        self.0.error_page
    }

    /// Puts the layers round a router of pages, its fallbacks included.
    pub fn protect<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        // The last is the outermost.
        router
            .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
            .layer(guard::csrf_layer())
            .layer(middleware::from_fn_with_state(self.clone(), guard::guard))
            .layer(middleware::from_fn_with_state(self.clone(), rescue::rescue))
            .layer(middleware::from_fn_with_state(self.clone(), stage::stage))
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").field("config", &self.0.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
