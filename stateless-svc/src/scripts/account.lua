-- Which sessions of an account live? The index knows who was begun; the records know who is left.

-- The live sessions in `index`, oldest first. What is over, idle or gone leaves the index on the way.
local function living(index)
  local found = {}
  for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local record = index .. ':' .. id
    local field = redis.call('HMGET', record, 'secret', 'seen', 'who')
    if field[1] and now >= field[2] + IDLE_MS then
      bury(record, 'idle')
      field[1] = false
    end
    if field[1] then
      found[#found + 1] = { id = id, seen = field[2], who = field[3] }
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
