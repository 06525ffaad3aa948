-- A start asks for a slot; the rule is `admit` in services/sessions/slots.py.
-- Asked: account, lease, limits, void_before, give_way, forget_at.
-- Answer: {true, lease, used, ended} or {false, running}.

local name, wanted, limits, void_before, give_way, forget_at = unpack(cmsgpack.unpack(ARGV[2]))
local account = load_account(name)
local rest, ended = {}, {}
for _, one in ipairs(account.leases) do
  local void = one[EVENT] == wanted[EVENT] and math.floor(one[SINCE]) <= void_before
  table.insert(void and ended or rest, one)
end

local function goes_on()
  for _, one in ipairs(where(rest, DEVICE, wanted[DEVICE])) do
    if one[EVENT] == wanted[EVENT] then
      return { one[SESSION], one[EVENT], one[DEVICE], one[KIND], one[SINCE], math.max(one[UNTIL], wanted[UNTIL]) }
    end
  end
  return nil
end

-- The lease as it is kept from now on; nil for a refusal.
local function granted()
  local own = goes_on()
  if own then
    return own
  end
  local group = over(rest, wanted, limits)
  while group do
    local one = with(group, DEVICE, wanted[DEVICE]) or (give_way and group[1])
    if not one then
      return nil
    end
    take(rest, with_session(one[SESSION]))
    table.insert(ended, one)
    group = over(rest, wanted, limits)
  end
  return wanted
end

local lease = granted()
local answer
if lease then
  for _, one in ipairs(ended) do
    finish(account, one[SESSION], forget_at)
  end
  put(account, lease)
  answer = { true, lease, #account.leases, ended }
else
  answer = { false, account.leases }
end
local packed = cmsgpack.pack(answer)
save_account(account)
close_shard()
return packed
