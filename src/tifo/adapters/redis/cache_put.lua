-- KEYS[1]: a shared value: 13 digits with the epoch milliseconds when the source said it, in this server's
-- time, its kind (v: a value, a: there is nothing, d: dropped), and the body.
-- ARGV: kind, age in milliseconds, time to live in milliseconds, body.
-- Of two the younger stays, so that a slow reader cannot undo a writer; answers whether this one does.
-- What seems to come from the future was written before a failover to this server, and gives way.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local said_ms = now_ms - tonumber(ARGV[2])
local before = redis.call('GETRANGE', KEYS[1], 0, 12)
if before ~= '' and tonumber(before) > said_ms and tonumber(before) <= now_ms then
  return 0
end
redis.call('SET', KEYS[1], string.format('%013.0f', said_ms) .. ARGV[1] .. ARGV[4], 'PX', ARGV[3])
return 1
