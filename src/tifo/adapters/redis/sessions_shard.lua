-- What every script of the session store begins with: one shard of accounts, and one account of it.
--
-- KEYS[1]  the shard's hash, `PREFIX:{TAG}s`. A field per account; the field '' is the shard itself.
-- ARGV[1]  now, in whole seconds by the store's clock; ARGV[2] what is asked, packed.
--
-- Beside the hash there are
--   PREFIX:{TAG}w<second>  the wheel: accounts to look at when that second has passed
--   PREFIX:{TAG}x          accounts with lapsed leases that nobody has said yet
--
-- An account stands in the wheel at the second `queued`, never after its next lapse; a renewal leaves it
-- there, and whoever looks at it then puts it where it belongs now. An entry of the wheel that is not the
-- account's `queued` is out of date, and passed over.

local SESSION, EVENT, DEVICE, KIND, SINCE, UNTIL = 1, 2, 3, 4, 5, 6
local LEASES_PER_ACCOUNT_MAX, ENDED_PER_ACCOUNT_MAX, LAPSED_PER_ACCOUNT_MAX = 50, 50, 50
local FORGET_EVERY_S = 600
local EMPTY_AFTER_S = 86400
local CLOCK_BACK_S_MAX = 5

local hash = KEYS[1]
local base = string.sub(hash, 1, -2)
local lapsed_accounts = base .. 'x'
local now = tonumber(ARGV[1])

-- The shard: how many leases its accounts hold, up to which second the wheel has turned, and since when
-- it remembers. It is a field of the hash, so that what was lost is lost together.
local shard = { leases = 0, turned = now, born = now, new = true, changed = true }

local function open_shard()
  local kept = redis.call('HGET', hash, '')
  if not kept then
    return
  end
  shard.leases, shard.turned, shard.born = unpack(cmsgpack.unpack(kept))
  shard.new, shard.changed = false, false
  if shard.turned > now + CLOCK_BACK_S_MAX then
    shard.turned, shard.changed = now, true
  end
end

local function close_shard()
  if shard.changed then
    redis.call('HSET', hash, '', cmsgpack.pack({ shard.leases, shard.turned, shard.born }))
  end
  if shard.new then
    redis.call('EXPIRE', hash, EMPTY_AFTER_S)
  end
end

local function count_leases(more)
  shard.leases, shard.changed = shard.leases + more, true
end

local function oldest_first(one, other)
  if one[SINCE] == other[SINCE] then
    return one[SESSION] < other[SESSION]
  end
  return one[SINCE] < other[SINCE]
end

-- The first of a list whose field has this value, or nil; and all of them.
local function with(list, field, value)
  for n = 1, #list do
    if list[n][field] == value then
      return list[n]
    end
  end
  return nil
end

local function where(list, field, value)
  local found = {}
  for _, one in ipairs(list) do
    if one[field] == value then
      table.insert(found, one)
    end
  end
  return found
end

-- Take what `test` is true of out of a list, and answer it.
local function take(list, test)
  local kept, taken = {}, {}
  for _, one in ipairs(list) do
    table.insert(test(one) and taken or kept, one)
  end
  for n = 1, math.max(#list, #kept) do
    list[n] = kept[n]
  end
  return taken
end

local function with_session(session)
  return function(one)
    return one[SESSION] == session
  end
end

-- The second at which the first of some leases lapses, or nil.
local function first_lapse(leases)
  local at
  for n = 1, #leases do
    local lapses = leases[n][UNTIL]
    if not at or lapses < at then
      at = lapses
    end
  end
  return at
end

-- Set aside what has lapsed, to be said by `expire`.
local function lapse(account)
  local first = first_lapse(account.leases)
  if not first or first > now then
    return
  end
  local lapsed = take(account.leases, function(one)
    return one[UNTIL] <= now
  end)
  count_leases(-#lapsed)
  if #account.lapsed == 0 then
    redis.call('RPUSH', lapsed_accounts, account.name)
  end
  for _, one in ipairs(lapsed) do
    table.insert(account.lapsed, one)
  end
  while #account.lapsed > LAPSED_PER_ACCOUNT_MAX do
    table.remove(account.lapsed, 1)
  end
  account.changed = true
end

local function forget(account)
  local forgotten = take(account.ended, function(one)
    return one[2] <= now
  end)
  local spent = account.code ~= '' and account.code_until <= now
  if spent then
    account.code, account.code_until = '', 0
  end
  account.changed = account.changed or spent or #forgotten > 0
end

local function load_account(name)
  local kept = redis.call('HGET', hash, name)
  local v = kept and cmsgpack.unpack(kept) or { 0, {}, {}, {}, '', 0 }
  local account = {
    name = name, queued = v[1], leases = v[2], ended = v[3], lapsed = v[4], code = v[5], code_until = v[6],
  }
  lapse(account)
  return account
end

-- The second at which the account has to be looked at next, or nil.
local function due(account)
  local at = first_lapse(account.leases)
  if at then
    return at
  end
  local function by(second)
    at = math.min(at or second, second)
  end
  for _, one in ipairs(account.ended) do
    by(math.ceil(one[2] / FORGET_EVERY_S) * FORGET_EVERY_S)
  end
  if account.code ~= '' then
    by(math.ceil(account.code_until / FORGET_EVERY_S) * FORGET_EVERY_S)
  end
  return at
end

local function queue(account)
  local at = due(account)
  if not at or (account.queued > shard.turned and account.queued <= at) then
    return
  end
  account.queued = math.max(at, shard.turned + 1)
  local wheel = base .. 'w' .. string.format('%d', account.queued)
  if redis.call('RPUSH', wheel, account.name) == 1 then
    redis.call('EXPIRE', wheel, math.max(account.queued - now, 0) + EMPTY_AFTER_S)
  end
end

local function save_account(account)
  if not account.changed then
    return
  end
  lapse(account)
  if #account.leases + #account.ended + #account.lapsed == 0 and account.code == '' then
    redis.call('HDEL', hash, account.name)
    return
  end
  queue(account)
  redis.call('HSET', hash, account.name, cmsgpack.pack({
    account.queued, account.leases, account.ended, account.lapsed, account.code, account.code_until,
  }))
end

-- Keep a lease; one of the same session makes room.
local function put(account, lease)
  take(account.lapsed, with_session(lease[SESSION]))
  local before = take(account.leases, with_session(lease[SESSION]))
  table.insert(account.leases, lease)
  table.sort(account.leases, oldest_first)
  count_leases(1 - #before)
  account.changed = true
end

-- Free a session's slot, and remember that it ended; its lease, or nil.
local function finish(account, session, forget_at)
  local lease = take(account.leases, with_session(session))[1]
  if lease then
    count_leases(-1)
  else
    lease = take(account.lapsed, with_session(session))[1]
  end
  forget(account)
  if with(account.ended, 1, session) then
    return lease
  end
  table.insert(account.ended, { session, forget_at })
  if #account.ended > ENDED_PER_ACCOUNT_MAX then
    table.remove(account.ended, 1)
  end
  account.changed = true
  return lease
end

-- The sessions that fill the first limit which leaves `wanted` no room, oldest first; nil when there is
-- room. `limits`: of the account, of the device kind, of the event; 0 is none.
local function over(running, wanted, limits)
  local of_account = limits[1] > 0 and math.min(limits[1], LEASES_PER_ACCOUNT_MAX) or LEASES_PER_ACCOUNT_MAX
  if #running >= of_account then
    return running
  end
  for n, field in ipairs({ KIND, EVENT }) do
    local group = where(running, field, wanted[field])
    if limits[n + 1] > 0 and #group >= limits[n + 1] then
      return group
    end
  end
  return nil
end

open_shard()
