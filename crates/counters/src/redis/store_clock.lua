-- Microseconds since the epoch, exact: below 2^53 until the year 2255.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
-- Lets a counter go a second after the moment at which nothing in it counts any more.
local function keep_until(key, at, from)
  redis.call('PEXPIRE', key, string.format('%.0f', math.ceil((at - from) / 1000) + 1000))
end
