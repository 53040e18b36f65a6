-- How does every script begin? By asking what time it is, and whether its caller still waits.
--
-- ARGV[1]  the time, in ms of this clock, at which the caller gives up
--
-- A paused Redis runs, when it wakes, what was sent to it while it slept. By then the client has been
-- told 503, so the only right thing to do is nothing.
--
-- Names in capitals are limits; store/script.rs writes them above this text.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[1]) then return 'late' end

-- May the owner of a token act here? `hash` is the SHA-256 of its secret.
local function honours(record, secret, hash)
  if secret == hash then return 'current' end
  local old = redis.call('HMGET', record, 'old', 'rotated')
  if old[1] == hash and now < old[2] + GRACE_MS then return 'previous' end
  return 'stale'
end

-- Shrinks a record to the reason why it is over. The reason stays until the absolute limit, so that
-- no slow write can bring the session back and its client can be told the truth.
local function bury(record, reason)
  local left = redis.call('PTTL', record)
  redis.call('DEL', record)
  redis.call('HSET', record, 'over', reason)
  redis.call('PEXPIRE', record, left)
end
