-- A call may be made by an app instead of with a key.

alter table call add column app_id uuid;
