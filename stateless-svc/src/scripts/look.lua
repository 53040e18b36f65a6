-- Who is this, and what have they put down so far? The record, as it is.

if token == 'stale' then return 'over\nrotated' end
return held
