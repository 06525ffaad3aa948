-- The leases of an account that run. Asked: account. Answer: them, oldest first.

local kept = redis.call('HGET', hash, cmsgpack.unpack(ARGV[2])[1])
local leases = kept and cmsgpack.unpack(kept)[2] or {}
take(leases, function(one)
  return one[UNTIL] <= now
end)
return cmsgpack.pack(leases)
