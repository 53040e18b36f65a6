-- Changes how far the checkout has come.
--
-- ARGV[3]  address | payment | ordered
-- ARGV[4]  the new address or payment, as JSON; for `ordered` the version of the cart that was ordered

local who, renewed, address, payment, articles =
  string.match(held, '^\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)(.*)$', LINES + #version)

if ARGV[3] == 'address' then
  address = ARGV[4]
elseif ARGV[3] == 'payment' then
  payment = ARGV[4]
elseif ARGV[4] == version then
  if articles ~= '' then version = version + 1 end
  address, payment, articles = '', '', ''
end

local lines = table.concat({ version, who, renewed, address, payment }, '\n') .. articles
local changed = string.sub(held, 1, LINES - 1) .. lines
if changed ~= held then call('SET', record, changed, 'KEEPTTL') end
return changed
