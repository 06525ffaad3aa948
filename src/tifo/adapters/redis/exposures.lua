-- What accounts of one shard have seen: a hash for each account, a field for each cap. A value is the time at
-- which it lapses and then the times of the last impressions, each as eight bytes that sort as the times do.
-- ARGV: "add", now, marks as MessagePack: {account, {{cap, times, per_s}, ...}, at};
-- or "read", now, accounts as MessagePack. Reading answers MessagePack: for each account {{cap, {at, ...}}, ...}.
local TIDY_FIELDS = 64

local function key(account) return KEYS[1] .. ':' .. account end

local function moments_of(value)
  local found = {}
  for place = 9, #value, 8 do found[#found + 1] = string.sub(value, place, place + 7) end
  return found
end

local function joined(value, moment, times)
  local found = value and moments_of(value) or {}
  for _, one in ipairs(found) do
    if one == moment then return found end
  end
  found[#found + 1] = moment
  table.sort(found)
  while #found > times do table.remove(found, 1) end
  return found
end

local function tidy(name, now)
  local fields = redis.call('HGETALL', name)
  for n = 1, #fields, 2 do
    if struct.unpack('>d', fields[n + 1]) <= now then redis.call('HDEL', name, fields[n]) end
  end
end

if ARGV[1] == 'add' then
  local now = tonumber(ARGV[2])
  for _, mark in ipairs(cmsgpack.unpack(ARGV[3])) do
    local name, moment, keep_s, is_new = key(mark[1]), struct.pack('>d', mark[3]), 0, false
    for _, cap in ipairs(mark[2]) do
      local found = joined(redis.call('HGET', name, cap[1]), moment, cap[2])
      local until_ = struct.pack('>d', struct.unpack('>d', found[#found]) + cap[3])
      is_new = redis.call('HSET', name, cap[1], until_ .. table.concat(found)) == 1 or is_new
      keep_s = math.max(keep_s, cap[3])
    end
    if is_new and redis.call('HLEN', name) > TIDY_FIELDS then tidy(name, now) end
    if redis.call('TTL', name) < keep_s then redis.call('EXPIRE', name, string.format('%d', keep_s)) end
  end
  return 0
end

local now, answer = tonumber(ARGV[2]), {}
for n, account in ipairs(cmsgpack.unpack(ARGV[3])) do
  local fields, seen = redis.call('HGETALL', key(account)), {}
  for f = 1, #fields, 2 do
    if struct.unpack('>d', fields[f + 1]) > now then
      local moments = {}
      for i, one in ipairs(moments_of(fields[f + 1])) do moments[i] = struct.unpack('>d', one) end
      seen[#seen + 1] = { fields[f], moments }
    end
  end
  answer[n] = seen
end
return cmsgpack.pack(answer)
