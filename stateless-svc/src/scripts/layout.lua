-- How is a record laid out? As one string, because one string is read and written fastest:
--
--   bytes 1 to 32   SHA-256 of the token's secret
--   bytes 33 to 64  the same of the token before the last renewal, or zeros
--   bytes 65 to 77  when it was last used, ms
--   then a line each: the cart's version, `created ends name`, `renewed kid`, address, payment
--   then a line for each article in the cart, in the order in which they came: `sku=quantity`
--
-- No line holds a line break: a name may have no control characters, and address and payment are JSON. Only the
-- line of an article begins with its sku and `=`.
-- A session that is over is shorter than the two hashes: only the reason is left. So is every refusal; that is how
-- it is told from a record.
local HASHES, SEEN, LINES, FIXED_LINES = 64, 77, 79, 4
-- Finds, from the cart's version on, when the token was renewed.
local RENEWED = '^%d+\n[^\n]*\n(%d+)'

