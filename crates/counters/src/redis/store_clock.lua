-- Microseconds since the epoch, exact: below 2^53 until the year 2255.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
-- Writes a counter that is to go a second after the moment at which nothing in it counts any more.
local function write_until(key, value, at, from)
  redis.call('SET', key, value, 'PX', math.ceil((at - from) / 1000) + 1000)
end
