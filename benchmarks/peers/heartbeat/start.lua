-- A start. KEYS[1] the account; ARGV: session, its lease, `event|device`, limit, now, until.
-- Answers the session that holds the slot (empty: there is none left), since when it runs, slots in use.
local now, used = tonumber(ARGV[5]), 0
local session, since = ARGV[1], now
local all = redis.call('HGETALL', KEYS[1])
for n = 1, #all, 2 do
  local kept = all[n + 1]
  if string.byte(kept) ~= 33 then
    local ends, began, _, place = string.match(kept, '^(%d+)|(%d+)|([^|]*)|(.*)$')
    if tonumber(ends) <= now then
      redis.call('HDEL', KEYS[1], all[n])
    else
      used = used + 1
      if place == ARGV[3] then
        session, since = all[n], tonumber(began)
      end
    end
  end
end
if session == ARGV[1] then
  if used >= tonumber(ARGV[4]) then
    return { '', 0, used }
  end
  used = used + 1
end
local lasts = tonumber(ARGV[6]) - now
redis.call('HSET', KEYS[1], session, (string.gsub(ARGV[2], '^(%d+)|%d+', '%1|' .. since)))
if redis.call('TTL', KEYS[1]) < lasts then
  redis.call('EXPIRE', KEYS[1], lasts)
end
return { session, since, used }
