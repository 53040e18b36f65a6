-- All live sessions of the account, oldest first: `id seen who`, a line each.
--
-- KEYS[2]  the account's index

if token == 'stale' then return 'over\nrotated' end

local lines = { 'ok' }
for _, session in ipairs(living(KEYS[2])) do
  lines[#lines + 1] = session.id .. ' ' .. session.seen .. ' ' .. session.who
end
return table.concat(lines, '\n')
