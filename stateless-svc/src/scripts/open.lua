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

-- A record is one string, because one string is read and written fastest:
--
--   bytes 1 to 32   SHA-256 of the token's secret
--   bytes 33 to 64  the same of the token before the last renewal, or zeros
--   bytes 65 to 77  when it was last used, ms
--   then a line each: `created ends name`, cart, address, payment, `renewed kid`
--
-- No line holds a line break: a name may have no control characters, and address and payment are JSON.
-- A session that is over is shorter than the two hashes: only the reason is left.
local HASHES, SEEN, LINES = 64, 77, 79
