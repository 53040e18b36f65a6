-- Was the session used a moment ago? Then it lives, there is nothing to write down, and the clock, which
-- costs a quarter of a look, need not be asked. Whatever is not that simple goes on below.
--
-- KEYS[1]  the record              ARGV[1]  the time at which the caller gives up, PATIENCE_MS after it asked
--                                  ARGV[2]  SHA-256 of the token's secret
--
-- The caller counts the time of this clock along; when it asked, the last use was younger than TOUCH_MS. A
-- caller who has given up is done no harm, for a look changes nothing.

local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, 32) == ARGV[2] then
  local left = ARGV[1] - string.sub(held, HASHES + 1, SEEN)
  if left >= 0 and left < PATIENCE_MS + TOUCH_MS then return 'ok\n' .. string.sub(held, HASHES + 1) end
end

