-- Ends sessions of the account, seen from the one that asks.
--
-- KEYS[2]  the account's index     ARGV[3]  the asking session's id
--                                  ARGV[4]  current | one | all | others_password_changed
--                                  ARGV[5]  for `one`: which

if token == 'stale' then return 'over\nrotated' end

local index, asking, which = KEYS[2], ARGV[3], ARGV[4]
if which == 'current' then
  finish(index, asking, 'revoked')
  return 'ok'
end

local found = which ~= 'one'
for _, session in ipairs(living(index)) do
  if which == 'all' then
    finish(index, session.id, 'revoked')
  elseif which == 'others_password_changed' and session.id ~= asking then
    finish(index, session.id, 'password_changed')
  elseif which == 'one' and session.id == ARGV[5] then
    finish(index, session.id, 'revoked')
    found = true
  end
end
return found and 'ok' or 'not_found'
