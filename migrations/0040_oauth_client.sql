-- OAuth clients that registered themselves (RFC 7591): of the deployment, known before any person or account is. None of
-- them is a secret; all of them are public clients.

create table oauth_client (
    id text not null,
    name text not null,
    redirect_uris text[] not null,
    application_type text not null,
    -- The grant types it registered, for whether it takes refresh tokens.
    grant_types text[] not null,
    created_at timestamptz not null,
    -- When a person last allowed it something.
    last_used_at timestamptz,
    constraint oauth_client_pkey primary key (id),
    constraint oauth_client_application_type_check check (application_type in ('native', 'web'))
);
create index oauth_client_age_idx on oauth_client (coalesce(last_used_at, created_at));
