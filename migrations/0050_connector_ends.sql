-- A connector token that was replaced stays in force for a while, so that a connector can be moved to the new one.

alter table connector add column ends_at timestamptz;
