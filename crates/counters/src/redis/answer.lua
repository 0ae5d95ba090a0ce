-- A person's answer. KEYS: the request, those of its grant that wait. ARGV: its id, 'a' or 'r'. Answers 1, or 0: gone.
local at = now()
local r = request(KEYS[1], at)
if not r or r.id ~= ARGV[1] or (r.state == 'r' and ARGV[2] == 'a') then return 0 end
r.state = ARGV[2]
write_request(KEYS[1], r, at)
call('ZREM', KEYS[2], KEYS[1])
return 1
