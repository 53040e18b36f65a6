-- Opens a session, ends the one it replaces, and keeps the account within its limit.
--
-- KEYS[1]  the account's index     ARGV[2]  idle limit, ms     ARGV[3]  absolute limit, ms
--                                  ARGV[4]  new session's id   ARGV[5]  SHA-256 of its secret
--                                  ARGV[6]  account's name     ARGV[7]  most sessions an account may hold
--                                  ARGV[8]  id for this store, should it have none
-- KEYS[2]  index of the account whose session is replaced (optional)
--                                  ARGV[9]  that session's id  ARGV[10] SHA-256 of its secret

local index, idle = KEYS[1], ARGV[2]

if KEYS[2] then
  local record = KEYS[2] .. ':' .. ARGV[9]
  local field = redis.call('HMGET', record, 'secret', 'seen')
  -- Whoever sends a token that is not valid replaces nothing: an id alone must not end a session.
  if field[1] and now < field[2] + idle and honours(record, field[1], ARGV[10]) ~= 'stale' then
    finish(KEYS[2], ARGV[9], 'revoked')
  end
end

local others = living(index, idle)
for i = 1, #others + 1 - ARGV[7] do
  finish(index, others[i].id, 'session_limit')
end

-- Whole seconds, because a token's `exp` counts in seconds: record and token end at the same moment.
local ends = math.ceil((now + ARGV[3]) / 1000) * 1000
local record = index .. ':' .. ARGV[4]
redis.call('HSET', record,
  'secret', ARGV[5], 'seen', now, 'who', now .. ' ' .. ends .. ' ' .. ARGV[6], 'cart', '0')
redis.call('PEXPIREAT', record, ends)
redis.call('ZADD', index, now, ARGV[4])
if redis.call('PTTL', index) < ends - now then redis.call('PEXPIREAT', index, ends) end

redis.call('SET', 'lab:store_id', ARGV[8], 'NX')
return 'ok\n' .. redis.call('GET', 'lab:store_id') .. '\n' .. now .. '\n' .. ends
