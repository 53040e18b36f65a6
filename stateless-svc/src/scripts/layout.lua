-- How is a record laid out? As one string, because one string is read and written fastest:
--
--   bytes 1 to 32   SHA-256 of the token's secret
--   bytes 33 to 64  the same of the token before the last renewal, or zeros
--   bytes 65 to 77  when it was last used, ms
--   then a line each: `created ends name`, cart, address, payment, `renewed kid`
--
-- No line holds a line break: a name may have no control characters, and address and payment are JSON.
-- A session that is over is shorter than the two hashes: only the reason is left.
local HASHES, SEEN, LINES = 64, 77, 79

