-- The end of a session. KEYS[1] the account; ARGV: session, seconds that its end is remembered.
redis.call('HSET', KEYS[1], ARGV[1], '!ended')
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 0
