#![doc = include_str!("../README.md")]

mod accounts;
mod admin_events;
mod agents;
mod approvals;
mod apps;
mod background;
mod caller;
mod calls;
mod change;
mod error;
mod grants;
mod invites;
mod keys;
mod members;
mod passwords;
mod people;
mod policies;
mod publisher;
mod recorder;
mod retention;
mod server_headers;
mod servers;
mod sessions;
mod snapshot;
mod teams;
mod test_calls;
mod throttle;
mod tools;
mod upstream_connections;

pub use accounts::{Accounts, Config, Wiring};
pub use agents::AgentView;
pub use approvals::{
    Answer, AnswerForm, ApprovalAnswerView, ApprovalFilter, ApprovalStanding, ApprovalView, ArgumentsShown, MayAnswer,
};
pub use apps::{
    AuthorizeError, AuthorizeRequest, ClientDocuments, ClientError, ClientKind, CodeChallenge, ConsentServer,
    ConsentView, ExchangeCode, Issued, Membership, OAuthClient, RedirectError, RedirectKind, RedirectUri, Refresh,
    RegisterClient, RegisteredClient, Resource, ResourceError, TokenError, ToolCounts,
};
pub use caller::{Caller, ClientAddress, Visitor};
pub use calls::{CallCursor, CallCursorError, CallFilter, CallPage, CallView};
pub use error::{Error, Fault, Rule};
pub use grants::{CreatedGrant, GrantStanding, GrantView, KeyWish, NewGrant, NewSubject};
pub use invites::{CreatedInvite, Invitation, NewPerson};
pub use keys::{CreatedKey, NewKey};
pub use members::MemberView;
pub use people::{ChangePassword, NewAccount, SignUp, SignUpError, SignedIn};
pub use policies::{
    CheckReport, CheckedTest, Conflicting, Draft, DraftEdit, DraftNote, FirstVersion, OldDraft, PolicyEdit,
    PolicySummary, PolicyView, Restore, SaveError,
};
pub use policies::{
    Direction, Effect, EffectForm, GrantName, Replay, ReplayedCall, ShadowReport, SuggestedLine, Suggestion,
    SuggestionSource, ToolChange, Tried, TriedCounter, TriedOutcome, TryForm,
};
pub use retention::Retention;
pub use servers::{
    CreatedConnector, CreatedServer, LiveConnector, NewServer, NewServerProbe, NewTransport, REPLACED_STANDS_SECONDS,
    RiskCounts, ServerEdit, ServerReach, ServerStanding, ServerSummary, ServerView, gateway_url,
};
pub use sessions::{LogIn, LogInError, LoggedIn, SessionView};
pub use storage::{
    AdminEventRow, AppClient, AppRow, CallEnd, CallPlace, CallRow, ConnectorRow, InviteRow, KeyRow, TeamMemberRow,
    TeamRow, VersionRow, WouldDenyFilter,
};
pub use teams::{NewTeam, TeamView};
pub use test_calls::{NewTestCall, TestAnswer, TestCall, TestCallResult, TestOutcome};
pub use tools::{InventoryEffect, ToolStanding, ToolView};
pub use upstream::{Probe, Step, StepName, StepOutcome};
pub use upstream_connections::{
    Ailment, CALLBACK_PATH, CLIENT_DOCUMENT_PATH, ConnectError, ConnectionAnswer, ConnectionHealth, ConnectionView,
    FinishedConnection, GivenClient, OAuthForm, OAuthView, StartedConnection, TroubledConnection,
};
