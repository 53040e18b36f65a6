-- Does the token open a live session? The same checks in the same order in every script but begin.
--
-- KEYS[1]  the record              ARGV[2]  SHA-256 of the token's secret

local record = KEYS[1]
local field = redis.call('HMGET', record, 'secret', 'seen', 'who', 'cart', 'address', 'payment')
local secret, seen, cart = field[1], field[2], field[4]

if not secret then
  local over = redis.call('HGET', record, 'over')
  if over then return 'over\n' .. over end
  return 'absent\n' .. now .. '\n' .. (redis.call('GET', 'lab:store_id') or '')
end

if now >= seen + IDLE_MS then
  bury(record, 'idle')
  return 'over\nidle'
end

local token = honours(record, secret, ARGV[2])

-- Writing down every use would make every read a write.
if token ~= 'stale' and now - seen >= TOUCH_MS then
  redis.call('HSET', record, 'seen', now)
  seen = now
end

-- What the client sees, a line each. No field holds a line break: a name may have no control
-- characters, and address and payment are JSON.
local function view()
  return 'ok\n' .. seen .. '\n' .. field[3] .. '\n' .. cart .. '\n' .. (field[5] or '') .. '\n' .. (field[6] or '')
end
