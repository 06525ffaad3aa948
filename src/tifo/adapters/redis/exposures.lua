-- What accounts of one shard have seen: a key for each account, which goes when its last window is over. Its value
-- is MessagePack: by cap the time at which it lapses, and then the times of the last impressions, oldest first.
-- ARGV: "add", now, marks as MessagePack: {account, {{cap, times, per_s}, ...}, at}; or "read", now, accounts.
local function key(account) return KEYS[1] .. ':' .. account end

local now, told = tonumber(ARGV[2]), cmsgpack.unpack(ARGV[3])

if ARGV[1] == 'read' then
  local keys = {}
  for n, account in ipairs(told) do keys[n] = key(account) end
  return redis.call('MGET', unpack(keys))
end

-- Sets are small and nearly in order: the new one is put in its place from the end.
local function join(found, at, cap)
  local place = #found
  while place > 1 and found[place] > at do place = place - 1 end
  if place > 1 and found[place] == at then return end
  table.insert(found, place + 1, at)
  if #found > cap[2] + 1 then table.remove(found, 2) end
  found[1] = found[#found] + cap[3]
end

local function add(seen, mark)
  for _, cap in ipairs(mark[2]) do
    local found = seen[cap[1]]
    if found then
      join(found, mark[3], cap)
    else
      seen[cap[1]] = { mark[3] + cap[3], mark[3] }
    end
  end
end

local function keep(name, seen)
  local until_ = 0
  for cap, found in pairs(seen) do
    if found[1] <= now then seen[cap] = nil else until_ = math.max(until_, found[1]) end
  end
  if until_ > now then
    redis.call('SET', name, cmsgpack.pack(seen), 'EX', string.format('%d', math.ceil(until_ - now)))
  else
    redis.call('DEL', name)
  end
end

local accounts = {}
for _, mark in ipairs(told) do
  local name = key(mark[1])
  if not accounts[name] then
    local value = redis.call('GET', name)
    accounts[name] = value and cmsgpack.unpack(value) or {}
  end
  add(accounts[name], mark)
end
for name, seen in pairs(accounts) do keep(name, seen) end
return 0
