-- Forgets a request that waits. KEYS: the request, those of its grant that wait. ARGV: its id.
local r = request(KEYS[1], now())
if r and r.id == ARGV[1] and r.state == 'p' then
  call('DEL', KEYS[1])
  call('ZREM', KEYS[2], KEYS[1])
end
return 1
