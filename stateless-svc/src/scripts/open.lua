-- How does every script begin? By asking what time it is, and whether its caller still waits.
--
-- ARGV[1]  the time, in ms of this clock, at which the caller gives up
--
-- A paused Redis runs, when it wakes, what was sent to it while it slept. By then the client has been
-- told 503, so the only right thing to do is nothing.
--
-- Names in capitals are limits; store/script.rs writes them above this text.

local call = redis.call -- looked up once
local time = call('TIME')
local now = time[1] * 1000 + time[2] / 1000
now = now - now % 1 -- whole ms; a call of math.floor would cost more
if now - ARGV[1] > 0 then return 'late' end
