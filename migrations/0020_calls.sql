-- Recorded calls: one row per judged request, made of its intent and its outcome record, whichever came first.
--
-- Partitioned by month of the decision. No foreign keys: a record outlives what it speaks of.

create table call (
    account_id uuid not null,
    decided_at timestamptz not null,
    id uuid not null,
    -- The intent record; null while only the outcome has arrived.
    decision_id uuid,
    server_id uuid,
    user_id uuid,
    agent_id uuid,
    key_id uuid,
    grant_id uuid,
    policy_id uuid,
    policy_version integer,
    method text,
    tool text,
    class text,
    outcome text,
    code text,
    rule text,
    message text,
    retry_after_ms bigint,
    argument_keys text[],
    would_deny_code text,
    would_deny_rule text,
    client_name text,
    client_version text,
    decide_us bigint,
    -- The outcome record; null until the call has ended, and for ever when it was not forwarded.
    settlement text,
    http_status integer,
    upstream_us bigint,
    gateway_us bigint,
    response_bytes bigint,
    constraint call_pkey primary key (account_id, decided_at, id)
) partition by range (decided_at);

create index call_server_idx on call (account_id, server_id, decided_at desc, id desc);
create index call_grant_idx on call (account_id, grant_id, decided_at desc, id desc);

alter table call enable row level security;
alter table call force row level security;
create policy tenant on call using (account_id = app_scope_account());

-- Makes the partition of the month that `at` lies in, unless it is there; its rows are walled off like their parent's.
create function make_call_partition(at timestamptz) returns void language plpgsql as
$$
declare
    first timestamptz := date_trunc('month', at at time zone 'UTC') at time zone 'UTC';
    next timestamptz := (date_trunc('month', at at time zone 'UTC') + interval '1 month') at time zone 'UTC';
    name text := 'call_' || to_char(first at time zone 'UTC', 'YYYYMM');
begin
    if to_regclass(name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('make_call_partition'));
    if to_regclass(name) is null then
        execute format('create table %I partition of call for values from (%L) to (%L)', name, first, next);
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (account_id = app_scope_account())', name);
    end if;
end
$$;

-- What lies outside every month that was made: records of a gateway whose clock is far off.
create table call_other partition of call default;
alter table call_other enable row level security;
alter table call_other force row level security;
create policy tenant on call_other using (account_id = app_scope_account());
