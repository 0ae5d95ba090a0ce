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
  local left = c.total
  for _, entry in ipairs(list_of(c.older)) do
    left = subtract(left, entry.amount)
    if not above(left, max) then return forgotten_at(c.kind, c.unit, entry.bucket) - at end
  end
  return forgotten_at(c.kind, c.unit, c.current) - at
end

while a <= #ARGV do
  local amount = decimal(ARGV[a + 2])
  local c = counter(KEYS[#plan + 1], ARGV[a], tonumber(ARGV[a + 1]), at)
  local total = add(c.sum, amount)
  c.amount, c.total = amount, total
  a = a + 4
  for i = 1, ARGV[a - 1] do
    local max = decimal(ARGV[a + 2])
    if above(total, max) then
      local index = tonumber(ARGV[a])
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
    c.sum, c.held = c.total, add(c.held, c.amount)
    if c.same then
      call('SET', c.key, value_of(c), 'KEEPTTL')
    else
      write_until(c.key, value_of(c), forgotten_at(c.kind, c.unit, c.current), at)
    end
  end
end
if KEYS[#plan + 1] then call('XADD', KEYS[#plan + 1], '*', 'e', ARGV[1]) end
for i = 1, #full_shadow do answer[#answer + 1] = full_shadow[i] end
return answer
