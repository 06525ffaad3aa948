-- A heartbeat. KEYS[1] the account; ARGV: session, its lease, seconds that it lasts.
-- Answers the code of a session that was ended, or an empty text.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept and string.byte(kept) == 33 then
  return string.sub(kept, 2)
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return ''
