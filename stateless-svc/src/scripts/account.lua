-- Which sessions of an account live? The index knows who was begun; the records know who is left.

-- The live sessions in `index`, oldest first. What is over, idle or gone leaves the index on the way.
local function living(index)
  local found = {}
  for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local record = index .. ':' .. id
    local held = redis.call('GET', record)
    local lives = held and not is_over(held)
    if lives and now >= seen_at(held) + IDLE_MS then
      bury(record, 'idle')
      lives = false
    end
    if lives then
      local seen, who = string.match(held, '^(%d+)\n([^\n]*)', HASHES + 1)
      found[#found + 1] = { id = id, seen = seen, who = who }
    else
      redis.call('ZREM', index, id)
    end
  end
  return found
end

-- Ends one session and takes it out of the index.
local function finish(index, id, reason)
  bury(index .. ':' .. id, reason)
  redis.call('ZREM', index, id)
end
