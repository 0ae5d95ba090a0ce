-- Charges every counter of a call, or none if an enforced limit has no room.
-- KEYS: the counters, then the stream if there is a record, then the request and those of its grant that wait, if an
-- approval is needed.
-- ARGV: the record or nothing, what is asked for or nothing (approval.lua), then for each counter: kind, unit, amount, how
-- many limits, and for each limit: index, 'e' or 's', max.
-- Answers {0, index, wait or false}, or {1, the approval used up or false, bucket or false for each counter, index of each
-- full shadow limit}, or {2, what became of the request, its id, when it expires}.
local at, plan, full_shadow = now(), {}, {}
local refused, wait, used = nil, 0, nil
local a = 3

if ARGV[2] ~= '' then
  local answer
  used, answer = approved(ARGV[2], KEYS[#KEYS - 1], KEYS[#KEYS], at)
  if not used then return answer end
end

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
  c.amount, c.total, c.shadow = amount, total, false
  a = a + 4
  for i = 1, ARGV[a - 1] do
    local max = decimal(ARGV[a + 2])
    if ARGV[a + 1] == 's' then c.shadow = true end
    if above(total, max) then
      local index = tonumber(ARGV[a])
      if c.shadow then
        full_shadow[#full_shadow + 1] = index
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

local answer = {1, used and used.value or false}
for i = 1, #plan do
  local c = plan[i]
  -- Shadow counters are charged all or none, as enforced ones would be.
  local charged = not (c.shadow and #full_shadow > 0)
  answer[i + 2] = charged and c.current
  if charged then
    c.sum, c.held = c.total, add(c.held, c.amount)
    if c.same then
      call('SET', c.key, value_of(c), 'KEEPTTL')
    else
      write_until(c.key, value_of(c), forgotten_at(c.kind, c.unit, c.current), at)
    end
  end
end
if ARGV[1] ~= '' then call('XADD', KEYS[#plan + 1], '*', 'e', ARGV[1]) end
-- Last: a store without memory left refuses the first of the other writes, and then the approval stands.
if used then call('DEL', KEYS[#KEYS - 1]) end
for i = 1, #full_shadow do answer[#answer + 1] = full_shadow[i] end
return answer
