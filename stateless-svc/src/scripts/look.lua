-- Who is this, and what have they put down so far?

if token == 'stale' then return 'over\nrotated' end
return view()
