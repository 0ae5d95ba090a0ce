-- Servers that want OAuth: how they are connected, as which client, and the connections that stand.
--
-- Tokens, client secrets and PKCE verifiers are sealed under the account's data key. What is kept of an authorization server
-- is what its metadata said when the connection was made; clients and connections are bound to its issuer.

create table upstream_oauth (
    account_id uuid not null,
    server_id uuid not null,
    sharing text not null,
    -- A client that somebody registered by hand, and the issuer that it turned out to belong to.
    client_id text,
    client_secret text,
    client_issuer text,
    -- What to ask for, where it is not what the server says.
    scope text,
    -- What the server asked for besides, when it refused a call for want of it.
    needed_scope text,
    constraint upstream_oauth_pkey primary key (account_id, server_id),
    constraint upstream_oauth_server_fkey foreign key (account_id, server_id) references server (account_id, id),
    constraint upstream_oauth_sharing_check check (sharing in ('server', 'member'))
);

-- Clients that registered themselves.
create table upstream_client (
    account_id uuid not null,
    server_id uuid not null,
    issuer text not null,
    client_id text not null,
    client_secret text,
    auth_method text not null,
    redirect_uri text not null,
    expires_at timestamptz,
    constraint upstream_client_pkey primary key (account_id, server_id, issuer),
    constraint upstream_client_server_fkey foreign key (account_id, server_id) references server (account_id, id)
);

-- Authorizations under way in a person's browser. The state is kept as its hash; a row is used once.
create table upstream_flow (
    account_id uuid not null,
    state_hash bytea not null,
    server_id uuid not null,
    user_id uuid not null,
    session_id uuid not null,
    sharing text not null,
    authorization_server text not null,
    client_id text not null,
    client_secret text,
    auth_method text not null,
    resource text not null,
    scope text,
    verifier text not null,
    expires_at timestamptz not null,
    constraint upstream_flow_pkey primary key (account_id, state_hash),
    constraint upstream_flow_server_fkey foreign key (account_id, server_id) references server (account_id, id),
    constraint upstream_flow_membership_fkey foreign key (account_id, user_id)
        references membership (account_id, user_id),
    constraint upstream_flow_sharing_check check (sharing in ('server', 'member'))
);
create unique index upstream_flow_one_key on upstream_flow (account_id, server_id, user_id);

create table upstream_connection (
    account_id uuid not null,
    id uuid not null,
    server_id uuid not null,
    -- Null: the server's own.
    user_id uuid,
    authorization_server text not null,
    client_id text not null,
    client_secret text,
    auth_method text not null,
    resource text not null,
    scope text,
    generation bigint not null,
    access_token text not null,
    refresh_token text,
    expires_at timestamptz,
    refreshed_at timestamptz not null,
    -- When a background job has to look at it; one at a time does, until the lease ends.
    due_at timestamptz,
    leased_until timestamptz,
    -- Renewals that failed since the last one that did not, and why.
    failures integer not null,
    last_error text,
    -- Tokens in a row that the server refused while they were fresh.
    refusals integer not null,
    refused_at timestamptz,
    -- Scopes that the server asked for besides.
    needs_scope text,
    dead_at timestamptz,
    connected_by uuid not null,
    connected_at timestamptz not null,
    constraint upstream_connection_pkey primary key (account_id, id),
    constraint upstream_connection_server_fkey foreign key (account_id, server_id) references server (account_id, id),
    constraint upstream_connection_user_fkey foreign key (account_id, user_id)
        references membership (account_id, user_id),
    constraint upstream_connection_by_fkey foreign key (account_id, connected_by)
        references membership (account_id, user_id)
);
create unique index upstream_connection_server_key on upstream_connection (account_id, server_id)
    where user_id is null;
create unique index upstream_connection_user_key on upstream_connection (account_id, server_id, user_id)
    where user_id is not null;
create index upstream_connection_due_idx on upstream_connection (due_at) where dead_at is null and due_at is not null;

alter table upstream_oauth enable row level security;
alter table upstream_oauth force row level security;
create policy tenant on upstream_oauth using (account_id = app_scope_account());

alter table upstream_client enable row level security;
alter table upstream_client force row level security;
create policy tenant on upstream_client using (account_id = app_scope_account());

alter table upstream_flow enable row level security;
alter table upstream_flow force row level security;
create policy tenant on upstream_flow using (account_id = app_scope_account());

alter table upstream_connection enable row level security;
alter table upstream_connection force row level security;
create policy tenant on upstream_connection using (account_id = app_scope_account());
create policy job on upstream_connection for select using (app_scope_job());
