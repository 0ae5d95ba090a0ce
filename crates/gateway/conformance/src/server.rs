//! The server: which request is answered by whom, and who is told of a change.

use std::{
    borrow::Cow,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::*,
    service::{NotificationContext, Peer, RequestContext, SubscriptionContext},
    task_manager::TaskManager,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::{asks, calls, definitions, jobs, reads};

/// Changes that a slow listener may be behind.
const CHANGES: usize = 64;

/// The revisions that the fixture speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    Both,
    Legacy,
    Modern,
}

impl FromStr for Era {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "both" => Ok(Self::Both),
            "legacy" => Ok(Self::Legacy),
            "modern" => Ok(Self::Modern),
            other => Err(format!("--era is both, legacy or modern, not {other:?}")),
        }
    }
}

/// Something that listeners are told.
#[derive(Clone, Debug)]
pub enum Change {
    Tools,
    Prompts,
    Resource(String),
}

/// The server. Clones share their state.
#[derive(Clone)]
pub struct Fixture {
    pub era: Era,
    pub tasks: TaskManager,
    pub states: Arc<RequestStateCodec>,
    pub counts: Arc<Counts>,
    changes: broadcast::Sender<Change>,
    sessions: Arc<Mutex<Vec<Peer<RoleServer>>>>,
    level: Arc<Mutex<LoggingLevel>>,
}

/// What calls left behind, told by the tool `seen`.
#[derive(Default)]
pub struct Counts {
    pub echoed: AtomicU64,
    pub waiting: AtomicU64,
    pub cancelled: AtomicU64,
}

impl Fixture {
    pub fn new(era: Era) -> Self {
        Self {
            era,
            tasks: TaskManager::new(),
            states: Arc::new(RequestStateCodec::new_unchecked(*b"a key of the fixture: not secret")),
            counts: Arc::default(),
            changes: broadcast::channel(CHANGES).0,
            sessions: Arc::default(),
            level: Arc::new(Mutex::new(LoggingLevel::Info)),
        }
    }

    /// Tells every stream that wants to hear of it.
    pub async fn changed(&self, change: Change) {
        // Nobody listening is no error.
        let _ = self.changes.send(change.clone());
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for peer in sessions {
            let _ = match &change {
                Change::Tools => peer.notify_tool_list_changed().await,
                Change::Prompts => peer.notify_prompt_list_changed().await,
                Change::Resource(uri) => {
                    peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri.clone())).await
                }
            };
        }
    }

    /// A log message of level info, if the client asked for such.
    pub async fn log(&self, context: &RequestContext<RoleServer>, text: &str) {
        let wanted = match modern(context) {
            true => context.meta.log_level(),
            false => Some(*self.level.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        if wanted.is_some_and(|level| level as u8 <= LoggingLevel::Info as u8) {
            let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, Value::from(text));
            let _ = context.peer.notify_logging_message(message).await;
        }
    }
}

/// Whether a request is of the era without `initialize`.
pub fn modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

/// A value of the SDK's types, written as the JSON that the specification shows.
pub fn typed<T: DeserializeOwned>(json: Value) -> Result<T, ErrorData> {
    serde_json::from_value(json).map_err(|error| ErrorData::internal_error(format!("the fixture wrote: {error}"), None))
}

/// Counts while it lives.
pub struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    pub fn new(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_logging()
            .enable_completions()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_tasks();
        let mut info = ServerConfig::new(capabilities.build());
        info.server_info = Implementation::new("conformance-fixture", env!("CARGO_PKG_VERSION"));
        info.instructions = Some("Tools for tests.".to_owned());
        info
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        match self.era {
            Era::Both => Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS),
            Era::Legacy => Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25)),
            Era::Modern => Cow::Owned(vec![ProtocolVersion::V_2026_07_28]),
        }
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(definitions::tools()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        definitions::tools().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(job) = jobs::job(&request.name) {
            return jobs::start(self, job, request, &context).await;
        }
        match asks::call(self, &request, &context).await? {
            Some(answer) => Ok(answer),
            None => calls::call(self, &request, &context).await.map(CallToolResponse::Complete),
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(definitions::prompts()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        reads::prompt(&request)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(definitions::resources()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(definitions::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        reads::resource(&request.uri, modern(&context))
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        reads::complete(&request)
    }

    async fn set_level(&self, request: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = request.level;
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.subscribe();
        let sink = context.sink().clone();
        loop {
            let change = tokio::select! {
                () = context.cancelled() => return Ok(()),
                change = changes.recv() => change,
            };
            // A change that this listener did not ask for is refused by the sink.
            let _ = match change {
                Ok(Change::Tools) => sink.notify_tool_list_changed().await,
                Ok(Change::Prompts) => sink.notify_prompt_list_changed().await,
                Ok(Change::Resource(uri)) => sink.notify_resource_updated(uri).await,
                Err(_) => Ok(()),
            };
        }
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|peer| !peer.is_transport_closed());
        sessions.push(context.peer);
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(self.tasks.get_task(&request.task_id)?))
    }

    async fn update_task(&self, request: UpdateTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(&self, request: CancelTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.cancel_task(&request.task_id)
    }
}
