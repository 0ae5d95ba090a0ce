-- The buckets of a window (POLICY.md section 4); the same arithmetic as `policy::window`.
-- kind: 's' sliding (a bucket is a sixteenth of the window), 'c' calendar periods of a fixed length, 'm' months.
local call, floor = redis.call, math.floor
local SLICES, FIRST_MONDAY, DAY = 16, 4 * 86400000000, 86400000000

-- Proleptic Gregorian, years from March. With `days` since 1970-01-01: its month, in months since January of year 0.
-- Without: the days since 1970-01-01 of the first of `month`.
local function calendar(days, month)
  if days then
    local z = days + 719468
    local era = floor(z / 146097)
    local doe = z - era * 146097
    local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
    local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
    local mp = floor((5 * doy + 2) / 153)
    return (yoe + era * 400) * 12 + mp + 2
  end
  local march = month - 2
  local y, mp = floor(march / 12), march % 12
  local era = floor(y / 400)
  local yoe = y - era * 400
  local doe = yoe * 365 + floor(yoe / 4) - floor(yoe / 100) + floor((153 * mp + 2) / 5)
  return era * 146097 + doe - 719468
end

local function bucket_at(kind, unit, at)
  if kind == 's' then return floor(at / unit) end
  if kind == 'c' then return floor((at - FIRST_MONDAY) / unit) end
  return calendar(floor(at / DAY))
end

-- The first moment at which a bucket no longer counts.
local function forgotten_at(kind, unit, bucket)
  if kind == 's' then return (bucket + SLICES + 1) * unit end
  if kind == 'c' then return (bucket + 1) * unit + FIRST_MONDAY end
  return calendar(nil, bucket + 1) * DAY
end

-- A counter is one string: `<current bucket> <sum> <held in the current bucket>`, then `<bucket>:<amount>` for each
-- older bucket that counted when the current one was begun, oldest first. While the bucket does not change, neither does
-- what counts, so the usual charge reads and writes only the front.

-- Older buckets as a list.
local function list_of(older)
  local list = {}
  for bucket, amount in string.gmatch(older, '(%d+):(%S+)') do
    list[#list + 1] = {bucket = tonumber(bucket), amount = decimal(amount)}
  end
  return list
end

-- Begins the current bucket of a counter that was last charged in an earlier one.
local function roll(c, bucket)
  local list, oldest = list_of(c.older), c.kind == 's' and bucket - SLICES or bucket
  list[#list + 1] = {bucket = c.current, amount = c.held}
  local texts, sum = {}, 0
  for i = 1, #list do
    local entry = list[i]
    if entry.bucket >= oldest and entry.amount ~= 0 then
      texts[#texts + 1] = entry.bucket .. ':' .. entry.amount
      sum = add(sum, entry.amount)
    end
  end
  c.current, c.sum, c.held, c.older, c.same = bucket, sum, 0, table.concat(texts, ' '), false
end

-- A counter as it is stored; one that is not there begins with `bucket`.
local function read(key, bucket)
  local value, current, sum, held, older = call('GET', key), bucket, '0', '0', ''
  if value then current, sum, held, older = match(value, '^(%d+) (%S+) (%S+) ?(.*)$') end
  return {
    key = key, kind = '', unit = 0, amount = 0, total = 0, same = value and true,
    current = tonumber(current), sum = decimal(sum), held = decimal(held), older = older,
  }
end

-- The counter as it stands at `at`. Its clock never goes backwards: a bucket in the future stays the current one.
local function counter(key, kind, unit, at)
  local bucket = bucket_at(kind, unit, at)
  local c = read(key, bucket)
  c.kind, c.unit = kind, unit
  if c.current < bucket then roll(c, bucket) end
  return c
end

local function value_of(c)
  local value = c.current .. ' ' .. c.sum .. ' ' .. c.held
  if c.older == '' then return value end
  return value .. ' ' .. c.older
end
