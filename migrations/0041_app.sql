-- Apps: what a person allowed an OAuth client to do for them in one account, with the codes and refresh tokens of it.

-- client_host: the host of the client's metadata document; null for one that registered itself.
create table app (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    client_id text not null,
    client_name text not null,
    client_host text,
    resource text not null,
    scopes text not null,
    created_at timestamptz not null,
    -- No token of it is good for longer.
    ends_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint app_pkey primary key (account_id, id),
    constraint app_membership_fkey foreign key (account_id, user_id) references membership (account_id, user_id)
);
create index app_user_idx on app (account_id, user_id, created_at);

-- app_id: the app that the code was exchanged for.
create table authorization_code (
    account_id uuid not null,
    token_hash bytea not null,
    user_id uuid not null,
    client_id text not null,
    client_name text not null,
    client_host text,
    resource text not null,
    scopes text not null,
    redirect_uri text not null,
    challenge text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    app_id uuid,
    constraint authorization_code_pkey primary key (account_id, token_hash),
    constraint authorization_code_membership_fkey foreign key (account_id, user_id)
        references membership (account_id, user_id),
    constraint authorization_code_app_fkey foreign key (account_id, app_id) references app (account_id, id)
);
create index authorization_code_token_idx on authorization_code (token_hash);
create index authorization_code_expiry_idx on authorization_code (expires_at);

-- Used ones stay as long as they would have been good, so that a second use is noticed. parent: whose use made it.
create table refresh_token (
    account_id uuid not null,
    token_hash bytea not null,
    app_id uuid not null,
    parent bytea,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint refresh_token_pkey primary key (account_id, token_hash),
    constraint refresh_token_app_fkey foreign key (account_id, app_id) references app (account_id, id)
);
create index refresh_token_token_idx on refresh_token (token_hash);
create index refresh_token_app_idx on refresh_token (account_id, app_id, created_at);
create index refresh_token_expiry_idx on refresh_token (expires_at);

alter table app enable row level security;
alter table app force row level security;
create policy tenant on app using (account_id = app_scope_account());

alter table authorization_code enable row level security;
alter table authorization_code force row level security;
create policy tenant on authorization_code using (account_id = app_scope_account());
create policy bearer on authorization_code for select using (token_hash = app_scope_token());
create policy job on authorization_code for select using (app_scope_job());
create policy job_forgets on authorization_code for delete using (app_scope_job());

alter table refresh_token enable row level security;
alter table refresh_token force row level security;
create policy tenant on refresh_token using (account_id = app_scope_account());
create policy bearer on refresh_token for select using (token_hash = app_scope_token());
create policy job on refresh_token for select using (app_scope_job());
create policy job_forgets on refresh_token for delete using (app_scope_job());
