-- Microseconds since the epoch, exact: below 2^53 until the year 2255.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
-- Writes a value that is to go a second after the moment `at`, from which on it counts no more.
local function write_until(key, value, at, from)
  redis.call('SET', key, value, 'PX', math.ceil((at - from) / 1000) + 1000)
end
-- The same for what is written already.
local function expire_at(key, at, from)
  redis.call('PEXPIRE', key, math.ceil((at - from) / 1000) + 1000)
end
