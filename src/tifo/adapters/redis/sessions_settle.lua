-- Turn the wheel up to now, bounded. ARGV: now, accounts to look at, seconds to pass.
-- Answer: leases held, accounts with lapsed leases to say, 1 if there is more to turn, since when it remembers.

local look, seconds = tonumber(ARGV[2]), tonumber(ARGV[3])

local function visit(name, second)
  local account = load_account(name)
  if account.queued == second then
    forget(account)
    account.queued, account.changed = 0, true
  end
  save_account(account)
end

while shard.turned < now and look > 0 and seconds > 0 do
  local second = shard.turned + 1
  local names = redis.call('LPOP', base .. 'w' .. string.format('%d', second), look) or {}
  for _, name in ipairs(names) do
    visit(name, second)
  end
  if #names < look then
    shard.turned, shard.changed = second, true
  end
  look, seconds = look - #names, seconds - 1
end
close_shard()
redis.call('EXPIRE', hash, EMPTY_AFTER_S)
redis.call('EXPIRE', lapsed_accounts, EMPTY_AFTER_S)
local more = shard.turned < now and 1 or 0
return { shard.leases, redis.call('LLEN', lapsed_accounts), more, shard.born }
