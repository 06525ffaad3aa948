-- One budget: what is taken of it, and the impressions that have gathered at its pace (services/ads/pacing.py).
-- ARGV: "take", want, goal, ran_s, left_s, rate_max, burst_s, now, keep_s; or "give-back", count; or "taken".
local found = redis.call('HMGET', KEYS[1], 'taken', 'gathered', 'at')
local taken, gathered, at = tonumber(found[1] or 0), tonumber(found[2] or 0), tonumber(found[3] or 0)

if ARGV[1] == 'taken' then return taken end

local function keep()
  redis.call('HSET', KEYS[1], 'taken', string.format('%d', taken), 'gathered', string.format('%.6f', gathered),
    'at', string.format('%.6f', at))
end

if ARGV[1] == 'give-back' then
  local count = math.min(tonumber(ARGV[2]), taken)
  taken, gathered = taken - count, gathered + count
  keep()
  return count
end

local want, goal, ran_s, left_s = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local rate_max, burst_s, now = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local left = math.max(0, goal - taken)
local given
if rate_max == 0 then
  given = math.max(0, math.min(want, left))
  gathered = 0
else
  local rate = math.min(left / math.max(left_s, 1), rate_max)
  local since_s = ran_s
  if at > 0 then since_s = math.max(0, now - at) end
  gathered = math.min(gathered + rate * math.min(since_s, burst_s), math.max(1, rate * burst_s))
  given = math.max(0, math.min(want, left, math.floor(gathered)))
  gathered = gathered - given
end
taken, at = taken + given, math.max(now, at)
keep()
redis.call('EXPIRE', KEYS[1], ARGV[9])
return given
