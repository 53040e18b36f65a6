-- Puts the successor's secret in the place of the token's. A second renewal with the same old token
-- within its grace gets what the first one got: the answer may have been lost on the way.
--
-- KEYS[2]  the account's index     ARGV[3]  SHA-256 of the successor's secret
-- ARGV[5]  the session's id        ARGV[4]  id of the key that signs the successor

if token == 'stale' then
  -- The successor has long been in use, so two parties hold tokens of this session, and one of them
  -- stole it. We cannot tell which.
  finish(KEYS[2], ARGV[5], 'reuse')
  return 'reused'
end

local how = 'replayed'
if token == 'current' then
  how = 'rotated'
  local before, after = string.match(held, '^([^\n]*\n[^\n]*\n[^\n]*\n)[^\n]*(.*)$', HASHES + 1)
  held = ARGV[3] .. ARGV[2] .. before .. now .. ' ' .. ARGV[4] .. after
  call('SET', record, held, 'KEEPTTL')
end
return held .. '\n' .. how
