-- Say lapsed leases, each once. ARGV: now, how many at the most.
-- Answer: accounts that still wait, {account, lease}...

local limit = tonumber(ARGV[2])
local said = {}
local look = limit + 100 -- for accounts whose leases ended or came back meanwhile

while #said < limit and look > 0 do
  look = look - 1
  local name = redis.call('LPOP', lapsed_accounts)
  if not name then
    break
  end
  local account = load_account(name)
  while #account.lapsed > 0 and #said < limit do
    table.insert(said, { name, table.remove(account.lapsed, 1) })
    account.changed = true
  end
  if #account.lapsed > 0 then
    redis.call('LPUSH', lapsed_accounts, name)
  end
  save_account(account)
end
close_shard()
return { redis.call('LLEN', lapsed_accounts), cmsgpack.pack(said) }
