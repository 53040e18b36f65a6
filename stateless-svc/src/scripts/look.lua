-- Who is this, and what have they put down so far? All lines of the record, without its secrets.

if token == 'stale' then return 'over\nrotated' end
return 'ok\n' .. string.sub(held, HASHES + 1)
