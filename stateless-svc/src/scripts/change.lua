-- Applies one change to cart or checkout. The cart is text, `version sku=quantity sku=quantity`; its
-- rules are those of shared::api::cart::Cart, and one suite holds both to them.
--
-- ARGV[3]  the change   ARGV[5], ARGV[6]  its operands
-- ARGV[4]  the versions the client accepts, ` 3 4 `; empty for any

if token == 'stale' then return 'over\nrotated' end

-- The cart stands between two line breaks; most changes touch nothing else.
local before = string.find(held, '\n', LINES, true)
local after = string.find(held, '\n', before + 1, true)
local cart, rest = string.sub(held, before + 1, after - 1), string.sub(held, after)
local version = string.match(cart, '^%d+')
if ARGV[4] ~= '' and not string.find(ARGV[4], ' ' .. version .. ' ', 1, true) then
  return 'conflict\n' .. version
end
local lines = string.sub(cart, #version + 1)

if ARGV[3] == 'address' then
  rest = '\n' .. ARGV[5] .. string.match(rest, '^\n[^\n]*(.*)$')
elseif ARGV[3] == 'payment' then
  local address, renewed = string.match(rest, '^(\n[^\n]*\n)[^\n]*(.*)$')
  rest = address .. ARGV[5] .. renewed
elseif ARGV[3] == 'ordered' then
  if ARGV[5] == version then
    if lines ~= '' then cart = tostring(version + 1) end
    rest = '\n\n' .. string.match(rest, '(\n[^\n]*)$')
  end
else
  -- `set`, `add` or `remove`, which sets to 0. What changes nothing leaves the version.
  local line = ' ' .. ARGV[5] .. '='
  local from, to = string.find(lines, line, 1, true)
  local had = from and string.match(lines, '^%d+', to + 1) or ''
  local want = tonumber(ARGV[6])
  if ARGV[3] == 'add' and from then want = want + had end
  if want > MAX_QUANTITY then return 'limit' end
  if from then lines = string.sub(lines, 1, from - 1) .. string.sub(lines, to + #had + 1) end
  if want > 0 then lines = lines .. line .. want end
  if not from and select(2, string.gsub(lines, '=', '')) > MAX_LINES then return 'limit' end
  if want ~= (tonumber(had) or 0) then cart = (version + 1) .. lines end
end

local changed = string.sub(held, 1, before) .. cart .. rest
if changed ~= held then redis.call('SET', record, changed, 'KEEPTTL') end
return 'ok\n' .. string.sub(changed, HASHES + 1)
