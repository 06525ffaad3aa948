-- A take-over code for an account. Asked: account, code, until.

local name, code, until_s = unpack(cmsgpack.unpack(ARGV[2]))
local account = load_account(name)
account.code, account.code_until, account.changed = code, until_s, true
save_account(account)
close_shard()
return 1
