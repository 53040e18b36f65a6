-- Which sessions of an account live? The index knows who was begun; the records know who is left.

-- Shrinks a record to the reason why it is over. The reason stays until the absolute limit, so that
-- no slow write can bring the session back and its client can be told the truth.
local function bury(record, reason)
  call('SET', record, reason, 'XX', 'KEEPTTL')
end

-- What a record holds, if its session lives: when it was used, and who it is. One that idled too long
-- is buried on the way.
local function alive(record)
  local held = call('GET', record)
  if not held or #held < HASHES then return nil end
  local seen, who = string.match(held, '^(%d+)\n%d+\n([^\n]*)', HASHES + 1)
  if now < seen + IDLE_MS then return held, seen, who end
  bury(record, 'idle')
end

-- The live sessions in `index`, oldest first. What is over, idle or gone leaves the index on the way.
local function living(index)
  local found = {}
  for _, id in ipairs(call('ZRANGE', index, 0, -1)) do
    local held, seen, who = alive(index .. ':' .. id)
    if held then
      found[#found + 1] = { id = id, seen = seen, who = who }
    else
      call('ZREM', index, id)
    end
  end
  return found
end

-- Ends one session and takes it out of the index.
local function finish(index, id, reason)
  bury(index .. ':' .. id, reason)
  call('ZREM', index, id)
end
