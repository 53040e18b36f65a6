-- Applies one change to cart or checkout. The cart is text, `version sku=quantity sku=quantity`; its
-- rules are those of shared::api::cart::Cart, and one suite holds both to them.
--
-- Changed in place: every piece of text that is cut out to be put together again costs as much as a tenth
-- of a read.
--
-- ARGV[3]  the change   ARGV[5], ARGV[6]  its operands
-- ARGV[4]  the versions the client accepts, ` 3 4 `; empty for any

if token == 'stale' then return 'over\nrotated' end

-- The cart begins after one line break and ends before the next; its lines begin after its version.
local before = string.find(held, '\n', LINES, true)
local version = string.match(held, '^%d+', before + 1)
local lines = before + #version + 1
local after = string.find(held, '\n', lines, true)
if ARGV[4] ~= '' and not string.find(ARGV[4], ' ' .. version .. ' ', 1, true) then
  return 'conflict\n' .. version
end

local changed = held
if ARGV[3] == 'address' then
  changed = string.sub(held, 1, after) .. ARGV[5] .. string.match(held, '^[^\n]*(.*)$', after + 1)
elseif ARGV[3] == 'payment' then
  local payment = string.find(held, '\n', after + 1, true)
  changed = string.sub(held, 1, payment) .. ARGV[5] .. string.match(held, '^[^\n]*(.*)$', payment + 1)
elseif ARGV[3] == 'ordered' then
  if ARGV[5] == version then
    if lines < after then version = version + 1 end
    changed = string.sub(held, 1, before) .. version .. '\n\n' .. string.match(held, '\n[^\n]*$')
  end
else
  -- `set`, `add` or `remove`, which sets to 0. What changes nothing leaves the version.
  local line = ' ' .. ARGV[5] .. '='
  local from, to = string.find(held, line, lines, true)
  -- An address may read like a line.
  local is_there = from and from < after
  local had = is_there and string.match(held, '^%d+', to + 1) or '0'
  local want = ARGV[6]
  if ARGV[3] == 'add' then want = want + had end
  if tonumber(want) > MAX_QUANTITY then return 'limit' end

  if want ~= had then
    local kept, rest
    if not is_there then
      kept, rest = string.sub(held, lines, after - 1), after
      if select(2, string.gsub(kept, '=', '')) >= MAX_LINES then return 'limit' end
      kept = kept .. line
    elseif want == '0' then
      kept, want, rest = string.sub(held, lines, from - 1), '', to + #had + 1
    else
      kept, rest = string.sub(held, lines, to), to + #had + 1
    end
    changed = string.sub(held, 1, before) .. (version + 1) .. kept .. want .. string.sub(held, rest)
  end
end

if changed ~= held then redis.call('SET', record, changed, 'KEEPTTL') end
return 'ok\n' .. string.sub(changed, HASHES + 1)
