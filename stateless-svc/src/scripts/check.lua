-- Does the token open a live session? The same checks in the same order in every script but begin.
--
-- KEYS[1]  the record              ARGV[2]  SHA-256 of the token's secret

local record = KEYS[1]
local held = redis.call('GET', record)

if not held then
  return 'absent\n' .. now .. '\n' .. (redis.call('GET', 'lab:store_id') or '')
end
if is_over(held) then return 'over\n' .. held end

local seen = seen_at(held)
if now >= seen + IDLE_MS then
  bury(record, 'idle')
  return 'over\nidle'
end

local token = honours(held, ARGV[2])

-- Writing down every use would make every read a write.
if token ~= 'stale' and now - seen >= TOUCH_MS then
  redis.call('SETRANGE', record, HASHES, now)
  held = string.sub(held, 1, HASHES) .. now .. string.sub(held, SEEN + 1)
end
