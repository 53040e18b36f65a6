-- Changes one line of the cart. Its rules are those of shared::api::cart::Cart, and one suite holds both to them.
--
-- ARGV[3]  how the line begins: a line break, the article, `=`
-- ARGV[4]  the quantity; 0 takes the line out
-- ARGV[6]  `add` if it comes on top of what is there; left out if it takes its place
--
-- Changed in place: every piece of text that is cut out to be put together again costs as much as a tenth of a
-- read. So does every argument, and those that are rare are left out.

local from, to = string.find(held, ARGV[3], LINES, true)
local had = from and string.match(held, '^%d+', to + 1) or '0'
local want = ARGV[4]
if ARGV[6] == 'add' then
  want = want + had
  if want > MAX_QUANTITY then return 'limit' end
end

-- What changes nothing leaves the version.
if want ~= had then
  local rest, kept, after = LINES + #version, nil, ''
  if not from then
    kept = string.sub(held, rest)
    if select(2, string.gsub(kept, '\n', '')) >= FIXED_LINES + MAX_LINES then return 'limit' end
    kept = kept .. ARGV[3]
  elseif want == '0' then
    kept, want, after = string.sub(held, rest, from - 1), '', string.sub(held, to + #had + 1)
  else
    kept, after = string.sub(held, rest, to), string.sub(held, to + #had + 1)
  end
  held = string.sub(held, 1, LINES - 1) .. (version + 1) .. kept .. want .. after
  call('SET', record, held, 'KEEPTTL')
end
return held
