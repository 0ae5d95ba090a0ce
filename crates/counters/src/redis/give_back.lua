-- Gives amounts back to the buckets they were taken from. KEYS: the counters. ARGV: for each its bucket and amount.
-- A bucket that is gone has nothing to give back, and none goes below zero.
for i = 1, #KEYS do
  local c, bucket, amount = read(KEYS[i], ARGV[2 * i - 1]), tonumber(ARGV[2 * i - 1]), decimal(ARGV[2 * i])
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
