-- Leases to extend. Asked: for each {account, lease, limits}; limits that are false let in in any case.
-- Answer: a letter for each (Renewed, Adopted, Full, Ended), and since when the shard remembers.

local accounts, order = {}, {}

local function account_of(name)
  if not accounts[name] then
    accounts[name] = load_account(name)
    table.insert(order, name)
  end
  return accounts[name]
end

local function renew(account, lease, limits)
  local ended = with(account.ended, 1, lease[SESSION])
  if ended and ended[2] > now then
    return 'E'
  end
  local known = with(account.leases, SESSION, lease[SESSION])
  if known then
    if known[UNTIL] < lease[UNTIL] then
      known[UNTIL], account.changed = lease[UNTIL], true
    end
    return 'R'
  end
  if over(account.leases, lease, limits or { 0, 0, 0 }) then
    return 'F'
  end
  put(account, lease)
  return 'A'
end

local outcomes = {}
for _, one in ipairs(cmsgpack.unpack(ARGV[2])) do
  table.insert(outcomes, renew(account_of(one[1]), one[2], one[3]))
end
for _, name in ipairs(order) do
  save_account(accounts[name])
end
close_shard()
return { table.concat(outcomes), shard.born }
