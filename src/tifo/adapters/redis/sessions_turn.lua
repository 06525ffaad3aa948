-- Whose turn it is to sweep. ARGV: now, who asks, for how many milliseconds. Answer: 1 when it is theirs.

local key = base .. 't'
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then
  return 0
end
redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
return 1
