-- In place of store_clock.lua where a caller sets the clock: the time is the last of ARGV, in microseconds. What is
-- written goes an hour of the store's own time after it was begun, however the set clock runs.
local set_to = tonumber(table.remove(ARGV))
local function now() return set_to end
local function write_until(key, value) redis.call('SET', key, value, 'EX', 3600) end
local function expire_at(key) redis.call('EXPIRE', key, 3600) end
