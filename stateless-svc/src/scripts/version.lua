-- Has the cart a version that the client accepts?
--
-- ARGV[5]  those it accepts, ` 3 4 `; empty or left out for any

if token == 'stale' then return 'over\nrotated' end

local version = string.match(held, '^%d+', LINES)
if (ARGV[5] or '') ~= '' and not string.find(ARGV[5], ' ' .. version .. ' ', 1, true) then
  return 'conflict\n' .. version
end

