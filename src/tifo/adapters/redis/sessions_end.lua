-- A session ends. Asked: account, session, forget_at. Answer: the lease it held, or nil.

local name, session, forget_at = unpack(cmsgpack.unpack(ARGV[2]))
local account = load_account(name)
local lease = finish(account, session, forget_at)
account.changed = account.changed or lease ~= nil
save_account(account)
close_shard()
return lease and cmsgpack.pack(lease)
