-- Policies: named documents of a server, every version kept as it was saved.

create table policy (
    account_id uuid not null,
    id uuid not null,
    server_id uuid not null,
    name text not null,
    -- The newest version, which is the published one.
    version integer not null,
    created_at timestamptz not null,
    removed_at timestamptz,
    constraint policy_pkey primary key (account_id, id),
    -- For grants, which must not have a policy of another server.
    constraint policy_server_key unique (account_id, server_id, id),
    constraint policy_server_fkey foreign key (account_id, server_id) references server (account_id, id),
    constraint policy_version_check check (version > 0)
);
create unique index policy_name_key on policy (account_id, server_id, lower(name)) where removed_at is null;

create table policy_version (
    account_id uuid not null,
    policy_id uuid not null,
    version integer not null,
    document text not null,
    note text not null,
    author uuid not null,
    saved_at timestamptz not null,
    constraint policy_version_pkey primary key (account_id, policy_id, version),
    constraint policy_version_policy_fkey foreign key (account_id, policy_id) references policy (account_id, id),
    constraint policy_version_author_fkey foreign key (account_id, author) references membership (account_id, user_id)
);

alter table policy enable row level security;
alter table policy force row level security;
create policy tenant on policy using (account_id = app_scope_account());

alter table policy_version enable row level security;
alter table policy_version force row level security;
create policy tenant on policy_version using (account_id = app_scope_account());
