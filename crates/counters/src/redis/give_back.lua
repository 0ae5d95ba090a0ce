-- Gives amounts back to the buckets they were taken from. KEYS: the counters. ARGV: for each its bucket and amount.
-- A bucket that is gone has nothing to give back, and none goes below zero.
for i = 1, #KEYS do
  local bucket, amount = ARGV[2 * i - 1], ARGV[2 * i]
  local held = redis.call('HGET', KEYS[i], bucket)
  if held then
    redis.call('HSET', KEYS[i], bucket, text_of(subtract(decimal(held), decimal(amount))))
  end
end
return 1
