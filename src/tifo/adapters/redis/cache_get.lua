-- KEYS[1]: a shared value, as cache_put.lua writes it.
-- Answers {age in milliseconds, kind, body}, or nothing when there is none or the key was dropped.
local found = redis.call('GET', KEYS[1])
if not found or string.sub(found, 14, 14) == 'd' then
  return false
end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
return {now_ms - tonumber(string.sub(found, 1, 13)), string.sub(found, 14, 14), string.sub(found, 15)}
