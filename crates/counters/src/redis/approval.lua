-- A request for approval is one string: `<id> <p|a|r> <expires> <told> <grant>`, times in microseconds: pending, approved
-- or refused. Those of a grant that wait are in a sorted set, by expiry, so that they can be bounded.
local function text(number) return string.format('%.0f', number) end

-- The request that stands at `key`.
local function request(key, at)
  local value = call('GET', key)
  if not value then return nil end
  local id, state, expires, told, grant = match(value, '^(%S+) (%a) (%d+) (%d+) (%S+)$')
  if tonumber(expires) <= at then return nil end
  return {id = id, state = state, expires = tonumber(expires), told = tonumber(told), grant = grant, value = value}
end

local function write_request(key, r, at)
  local value = table.concat({r.id, r.state, text(r.expires), text(r.told), r.grant}, ' ')
  write_until(key, value, r.expires, at)
end

local function waits(open, key, expires, at)
  call('ZADD', open, text(expires), key)
  local last = call('ZRANGE', open, -1, -1, 'WITHSCORES')
  expire_at(open, tonumber(last[2]), at)
end

-- What asking for an approval comes to: the request, if it is approved; otherwise nothing and the answer to give.
-- asked: `<id> <grant> <microseconds it stands> <most that wait> <microseconds until it is told again>`
local function approved(asked, key, open, at)
  local id, grant, stands, most, again = match(asked, '^(%S+) (%S+) (%d+) (%d+) (%d+)$')
  local r = request(key, at)
  if r and r.state == 'a' then return r end
  if r and r.state == 'r' then return nil, {2, 'refused', r.id, r.expires} end
  if r and at - r.told < tonumber(again) then return nil, {2, 'pending', r.id, r.expires} end
  if not r then
    call('ZREMRANGEBYSCORE', open, '-inf', text(at))
    if call('ZCARD', open) >= tonumber(most) then
      local first = call('ZRANGE', open, 0, 0, 'WITHSCORES')
      return nil, {2, 'too many', false, tonumber(first[2])}
    end
    r = {id = id, state = 'p', expires = at + stands, grant = grant}
    waits(open, key, r.expires, at)
  end
  r.told = at
  write_request(key, r, at)
  return nil, {2, 'asked', r.id, r.expires}
end
