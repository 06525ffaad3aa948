-- Leases that run, in the order of the hash's own buckets.
-- ARGV: now, cursor, after, limit, event, accounts to look at.
-- Answer: cursor, after, {account, lease}...; the shard is through when they are '0' and ''.
--
-- A page ends between two steps of the scan, so that a lease which runs all the while is on one page at
-- least. Only a step that holds more than a whole page is cut, after a session id.

local cursor, after, limit, event, look = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local found = {}

local function matching(name, packed)
  local leases = name ~= '' and cmsgpack.unpack(packed)[2] or {}
  return take(leases, function(one)
    return one[UNTIL] > now and (event == '' or one[EVENT] == event) and one[SESSION] > after
  end)
end

local function of_step(fields)
  local batch = {}
  for n = 1, #fields, 2 do
    look = look - 1
    for _, one in ipairs(matching(fields[n], fields[n + 1])) do
      table.insert(batch, { fields[n], one })
    end
  end
  table.sort(batch, function(one, other)
    return one[2][SESSION] < other[2][SESSION]
  end)
  return batch
end

repeat
  local step = redis.call('HSCAN', hash, cursor, 'COUNT', 1)
  local batch = of_step(step[2])
  if #found + #batch > limit then
    if #found == 0 then
      for n = 1, limit do
        found[n] = batch[n]
      end
      after = found[limit][2][SESSION]
    end
    break
  end
  for _, one in ipairs(batch) do
    table.insert(found, one)
  end
  cursor, after = step[1], ''
until cursor == '0' or #found >= limit or look <= 0
return cmsgpack.pack({ cursor, after, found })
