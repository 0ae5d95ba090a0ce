-- Exact decimals that are not negative. A value is a Lua number when it is an integer below 10^14 (sums and differences
-- of a few of them stay below 2^53, so exact), and otherwise a string of plain digits with an optional fraction.
local SMALL, LIMB = 1e14, 14

local function decimal(text)
  if #text < 15 and not string.find(text, '.', 1, true) then return tonumber(text) end
  return text
end

local function text_of(value)
  if type(value) == 'number' then return string.format('%.0f', value) end
  return value
end

-- Both as digit strings of one length, and the length of their fractions.
local function align(a, b)
  local ai, af = string.match(text_of(a), '^(%d+)%.?(%d*)$')
  local bi, bf = string.match(text_of(b), '^(%d+)%.?(%d*)$')
  local fraction, whole = math.max(#af, #bf), math.max(#ai, #bi)
  local function pad(i, f)
    return string.rep('0', whole - #i) .. i .. f .. string.rep('0', fraction - #f)
  end
  return pad(ai, af), pad(bi, bf), fraction
end

-- Digits with `fraction` of them behind the point, in canonical form.
local function canonical(digits, fraction)
  local whole, rest = string.sub(digits, 1, #digits - fraction), string.sub(digits, #digits - fraction + 1)
  whole, rest = string.gsub(whole, '^0+', ''), string.gsub(rest, '0+$', '')
  if whole == '' then whole = '0' end
  if rest ~= '' then return whole .. '.' .. rest end
  return decimal(whole)
end

-- Limb by limb from the right. `sign` is 1 to add, -1 to subtract a `b` that is not greater than `a`.
local function combine(a, b, sign)
  local x, y, fraction = align(a, b)
  local limbs, carry, base, last = {}, 0, 10 ^ LIMB, #x
  while last > 0 do
    local first = math.max(1, last - LIMB + 1)
    local sum = tonumber(string.sub(x, first, last)) + sign * tonumber(string.sub(y, first, last)) + carry
    carry = math.floor(sum / base)
    table.insert(limbs, 1, string.format('%014.0f', sum - carry * base))
    last = first - 1
  end
  return canonical(string.format('%.0f', carry) .. table.concat(limbs), fraction)
end

local function add(a, b)
  if type(a) == 'number' and type(b) == 'number' then
    local sum = a + b
    if sum < SMALL then return sum end
    return string.format('%.0f', sum)
  end
  return combine(a, b, 1)
end

local function above(a, b)
  if type(a) == 'number' and type(b) == 'number' then return a > b end
  local x, y = align(a, b)
  return x > y
end

-- Never below zero.
local function subtract(a, b)
  if not above(a, b) then return 0 end
  if type(a) == 'number' and type(b) == 'number' then return a - b end
  return combine(a, b, -1)
end
