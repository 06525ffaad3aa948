-- Whether a code was the account's and in force; it is gone then. Asked: account, code.

local name, code = unpack(cmsgpack.unpack(ARGV[2]))
local account = load_account(name)
if account.code == '' or account.code ~= code then
  return 0
end
local in_force = account.code_until > now
account.code, account.code_until, account.changed = '', 0, true
save_account(account)
close_shard()
return in_force and 1 or 0
