-- The buckets of a window (POLICY.md section 4); the same arithmetic as `policy::window`.
-- kind: 's' sliding (a bucket is a sixteenth of the window), 'c' calendar periods of a fixed length, 'm' months.
local SLICES, FIRST_MONDAY, DAY = 16, 4 * 86400000000, 86400000000

-- Months since January of year 0, from days since 1970-01-01 (proleptic Gregorian).
local function month_of(days)
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return year * 12 + month - 1
end

-- Days since 1970-01-01 of the first of a month.
local function first_day_of(month)
  local y, m = math.floor(month / 12), month % 12 + 1
  if m <= 2 then y = y - 1 end
  local era = math.floor(y / 400)
  local yoe = y - era * 400
  local doy = math.floor((153 * (m > 2 and m - 3 or m + 9) + 2) / 5)
  local doe = yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy
  return era * 146097 + doe - 719468
end

local function bucket_at(kind, unit, at)
  if kind == 's' then return math.floor(at / unit) end
  if kind == 'c' then return math.floor((at - FIRST_MONDAY) / unit) end
  return month_of(math.floor(at / DAY))
end

-- The first moment at which a bucket no longer counts.
local function forgotten_at(kind, unit, bucket)
  if kind == 's' then return (bucket + SLICES + 1) * unit end
  if kind == 'c' then return (bucket + 1) * unit + FIRST_MONDAY end
  return first_day_of(bucket + 1) * DAY
end

-- A counter as it stands: its buckets that count, oldest first, those that no longer do, the current one and the sum.
-- The clock of a counter never goes backwards: a bucket in the future is the current one.
local function counter(key, kind, unit, at)
  local fields, all = redis.call('HGETALL', key), {}
  local current = bucket_at(kind, unit, at)
  for i = 1, #fields, 2 do
    local index = tonumber(fields[i])
    all[#all + 1] = {index = index, amount = decimal(fields[i + 1])}
    if index > current then current = index end
  end
  local oldest = kind == 's' and current - SLICES or current
  local counted, stale, sum = {}, {}, 0
  for i = 1, #all do
    if all[i].index >= oldest then
      counted[#counted + 1] = all[i]
      sum = add(sum, all[i].amount)
    else
      stale[#stale + 1] = string.format('%.0f', all[i].index)
    end
  end
  return {counted = counted, stale = stale, current = current, sum = sum}
end
