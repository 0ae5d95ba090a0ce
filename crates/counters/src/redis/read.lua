-- What counts now. KEYS: the counters. ARGV: for each its kind and unit.
local at, sums = now(), {}
for i = 1, #KEYS do
  sums[i] = counter(KEYS[i], ARGV[2 * i - 1], tonumber(ARGV[2 * i]), at).sum .. ''
end
return sums
