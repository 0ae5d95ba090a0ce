-- Exact decimals that are not negative. A value is a Lua number when it is an integer below 10^14, whose sums and
-- differences stay below 2^53 and are exact, and which Lua writes with all its digits (%.14g); otherwise it is a string
-- of plain digits with an optional fraction. So `..` writes either.
local SMALL = 1e14
local type, tonumber, match = type, tonumber, string.match

local function decimal(text)
  if #text < 15 then
    local number = tonumber(text)
    if number % 1 == 0 then return number end
  end
  return text
end

-- What numbers cannot do, on digit strings, 14 digits at a time. `sign` is 1 to add, -1 to subtract a `b` that is not
-- greater than `a`, and 0 to ask whether `a` is above `b`.
local function exact(a, b, sign)
  local ai, af = match(a, '^(%d+)%.?(%d*)$')
  local bi, bf = match(b, '^(%d+)%.?(%d*)$')
  local fraction, whole = math.max(#af, #bf), math.max(#ai, #bi)
  local function pad(i, f)
    return string.rep('0', whole - #i) .. i .. f .. string.rep('0', fraction - #f)
  end
  local x, y = pad(ai, af), pad(bi, bf)
  if sign == 0 then return x > y end
  local limbs, carry, last = {}, 0, #x
  while last > 0 do
    local first = math.max(1, last - 13)
    local sum = tonumber(string.sub(x, first, last)) + sign * tonumber(string.sub(y, first, last)) + carry
    carry = math.floor(sum / SMALL)
    table.insert(limbs, 1, string.format('%014.0f', sum - carry * SMALL))
    last = first - 1
  end
  local digits = carry .. table.concat(limbs)
  local i = string.gsub(string.sub(digits, 1, #digits - fraction), '^0+', '')
  local f = string.gsub(string.sub(digits, #digits - fraction + 1), '0+$', '')
  if i == '' then i = '0' end
  if f ~= '' then return i .. '.' .. f end
  return decimal(i)
end

local function add(a, b)
  if type(a) == 'number' and type(b) == 'number' and a + b < SMALL then return a + b end
  return exact(a, b, 1)
end

local function above(a, b)
  if type(a) == 'number' and type(b) == 'number' then return a > b end
  return exact(a, b, 0)
end

-- Never below zero.
local function subtract(a, b)
  if not above(a, b) then return 0 end
  if type(a) == 'number' and type(b) == 'number' then return a - b end
  return exact(a, b, -1)
end
