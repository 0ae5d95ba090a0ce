-- Upstream MCP servers, how they are reached, and their tools as last accepted.

create table server (
    account_id uuid not null,
    id uuid not null,
    slug text not null,
    name text not null,
    -- Null: reached through the tunnel of a connector.
    url text,
    -- The catalogue's name of the server, where it is a known one.
    kind text,
    settings jsonb not null,
    -- What the server said of itself when its tools were last read.
    reported_name text,
    reported_version text,
    protocol_version text,
    inventory_at timestamptz,
    -- Why the tools could not be read, at the last attempt.
    inventory_error text,
    created_by uuid not null,
    created_at timestamptz not null,
    removed_at timestamptz,
    constraint server_pkey primary key (account_id, id),
    constraint server_account_fkey foreign key (account_id) references account (id),
    constraint server_created_by_fkey foreign key (account_id, created_by) references membership (account_id, user_id)
);
create unique index server_slug_key on server (account_id, slug) where removed_at is null;

-- Headers added to every request to a server; values sealed under the account's data key.
create table server_header (
    account_id uuid not null,
    server_id uuid not null,
    name text not null,
    value text not null,
    position integer not null,
    constraint server_header_pkey primary key (account_id, server_id, name),
    constraint server_header_server_fkey foreign key (account_id, server_id) references server (account_id, id)
);

create table connector (
    account_id uuid not null,
    id uuid not null,
    server_id uuid not null,
    token_hash bytea not null,
    created_by uuid not null,
    created_at timestamptz not null,
    -- The last word that came from or of it.
    seen_at timestamptz,
    about text,
    revoked_at timestamptz,
    constraint connector_pkey primary key (account_id, id),
    constraint connector_server_fkey foreign key (account_id, server_id) references server (account_id, id),
    constraint connector_created_by_fkey foreign key (account_id, created_by) references membership (account_id, user_id)
);
create index connector_server_idx on connector (account_id, server_id);

-- definition is what the server gives now; accepted_pin names the definition a person or the server's setting let in.
create table tool (
    account_id uuid not null,
    server_id uuid not null,
    name text not null,
    position integer not null,
    definition text not null,
    pin text not null,
    accepted_pin text,
    class text not null,
    evidence jsonb not null,
    first_seen_at timestamptz not null,
    changed_at timestamptz not null,
    accepted_at timestamptz,
    -- No longer in the server's list.
    gone_at timestamptz,
    constraint tool_pkey primary key (account_id, server_id, name),
    constraint tool_server_fkey foreign key (account_id, server_id) references server (account_id, id),
    constraint tool_class_check check (class in ('read', 'write', 'execute', 'destructive', 'financial'))
);

alter table server enable row level security;
alter table server force row level security;
create policy tenant on server using (account_id = app_scope_account());

alter table server_header enable row level security;
alter table server_header force row level security;
create policy tenant on server_header using (account_id = app_scope_account());

alter table connector enable row level security;
alter table connector force row level security;
create policy tenant on connector using (account_id = app_scope_account());

alter table tool enable row level security;
alter table tool force row level security;
create policy tenant on tool using (account_id = app_scope_account());
