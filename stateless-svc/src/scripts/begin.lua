-- Opens a session, ends the one it replaces, and keeps the account within its limit.
--
-- KEYS[1]  the account's index     ARGV[2]  the new session's id   ARGV[3]  SHA-256 of its secret
--                                  ARGV[4]  the account's name
--                                  ARGV[5]  id for this store, should it have none
-- KEYS[2]  index of the account whose session is replaced (optional)
--                                  ARGV[6]  that session's id      ARGV[7]  SHA-256 of its secret

local index = KEYS[1]

if KEYS[2] then
  local held = alive(KEYS[2] .. ':' .. ARGV[6])
  -- Whoever sends a token that is not valid replaces nothing: an id alone must not end a session.
  local current = held and string.sub(held, 1, 32) == ARGV[7]
  local previous = held and string.sub(held, 33, HASHES) == ARGV[7]
  if current or previous and now < string.match(held, RENEWED, LINES) + GRACE_MS then
    finish(KEYS[2], ARGV[6], 'revoked')
  end
end

local others = living(index)
for i = 1, #others + 1 - MAX_SESSIONS do
  finish(index, others[i].id, 'session_limit')
end

-- Whole seconds, because a token's `exp` counts in seconds: record and token end at the same moment.
local ends = math.ceil((now + ABSOLUTE_MS) / 1000) * 1000
local record = index .. ':' .. ARGV[2]
local who = now .. ' ' .. ends .. ' ' .. ARGV[4]
local held = ARGV[3] .. string.rep('\0', 32) .. now .. '\n0\n' .. who .. '\n\n\n'
call('SET', record, held, 'PXAT', ends)
call('ZADD', index, now, ARGV[2])
if call('PTTL', index) < ends - now then call('PEXPIREAT', index, ends) end

call('SET', 'lab:store_id', ARGV[5], 'NX')
return 'ok\n' .. call('GET', 'lab:store_id') .. '\n' .. now .. '\n' .. ends
