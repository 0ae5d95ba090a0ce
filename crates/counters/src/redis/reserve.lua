-- Charges every counter of a call, or none if an enforced limit has no room.
-- KEYS: the counters, then the stream if there is a record.
-- ARGV: the record, then for each counter: kind, unit, amount, how many limits, and for each limit: index, 'e' or 's', max.
-- Answers {0, index, wait or false}, or {1, bucket or false for each counter, index of each full shadow limit}.
local at, plan, full_shadow = now(), {}, {}
local refused, wait = nil, 0
local a = 2

-- Microseconds until `amount` fits under `max`; false: never.
local function wait_for(c, amount, max)
  if above(amount, max) then return false end
  table.sort(c.counted, function(x, y) return x.index < y.index end)
  local left = c.counted
  for first = 2, #left + 1 do
    local total = amount
    for i = first, #left do total = add(total, left[i].amount) end
    if not above(total, max) then
      return forgotten_at(c.kind, c.unit, left[first - 1].index) - at
    end
  end
  return false
end

while a <= #ARGV do
  local kind, unit, amount = ARGV[a], tonumber(ARGV[a + 1]), decimal(ARGV[a + 2])
  local key = KEYS[#plan + 1]
  local c = counter(key, kind, unit, at)
  c.key, c.kind, c.unit, c.amount, c.charged = key, kind, unit, amount, true
  local total = add(c.sum, amount)
  local limits = tonumber(ARGV[a + 3])
  a = a + 4
  for i = 1, limits do
    local index, max = tonumber(ARGV[a]), decimal(ARGV[a + 2])
    if above(total, max) then
      if ARGV[a + 1] == 's' then
        full_shadow[#full_shadow + 1] = index
        c.charged = false
      else
        if not refused or index < refused then refused = index end
        local w = wait_for(c, amount, max)
        wait = wait and w and math.max(wait, w)
      end
    end
    a = a + 3
  end
  plan[#plan + 1] = c
end

if refused then return {0, refused, wait} end

local answer = {1}
for i = 1, #plan do
  local c = plan[i]
  answer[i + 1] = c.charged and c.current
  if c.charged then
    local held = 0
    for j = 1, #c.counted do
      if c.counted[j].index == c.current then held = c.counted[j].amount end
    end
    if #c.stale > 0 then redis.call('HDEL', c.key, unpack(c.stale)) end
    redis.call('HSET', c.key, string.format('%.0f', c.current), text_of(add(held, c.amount)))
    keep_until(c.key, forgotten_at(c.kind, c.unit, c.current), at)
  end
end
if KEYS[#plan + 1] then redis.call('XADD', KEYS[#plan + 1], '*', 'e', ARGV[1]) end
for i = 1, #full_shadow do answer[#answer + 1] = full_shadow[i] end
return answer
