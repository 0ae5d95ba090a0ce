-- Gives amounts back to the buckets they were taken from, and an approval. KEYS: the counters, then the request if an
-- approval is given back. ARGV: the request as it stood, or nothing; for each counter its bucket and amount.
-- A bucket that is gone has nothing to give back, and none goes below zero. An approval goes back unless it is over or
-- the call was asked for anew.
local given, counters = ARGV[1], #KEYS
if given ~= '' then
  local at, key = now(), KEYS[counters]
  counters = counters - 1
  local expires = tonumber(match(given, '^%S+ %a (%d+) '))
  if at < expires and not request(key, at) then write_until(key, given, expires, at) end
end
for i = 1, counters do
  local c, bucket, amount = read(KEYS[i], ARGV[2 * i]), tonumber(ARGV[2 * i]), decimal(ARGV[2 * i + 1])
  if c.same and c.current == bucket then
    if above(amount, c.held) then amount = c.held end
    c.held, c.sum = subtract(c.held, amount), subtract(c.sum, amount)
    call('SET', c.key, value_of(c), 'KEEPTTL')
  elseif c.same then
    c.older = string.gsub(c.older, '(%d+):(%S+)', function(other, held)
      if tonumber(other) ~= bucket then return nil end
      held = decimal(held)
      if above(amount, held) then amount = held end
      c.sum = subtract(c.sum, amount)
      return other .. ':' .. subtract(held, amount)
    end)
    call('SET', c.key, value_of(c), 'KEEPTTL')
  end
end
return 1
