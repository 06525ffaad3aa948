-- The board. KEYS[1] is `{board}`; ARGV[1] says what to do, the rest is said at each function.
--
-- {board}         hash  memory: which life of the board this is; version: of the last write or removal;
--                       forgotten: up to which version removals are no longer known; restored: what the
--                       nodes that put words back knew at most; restorer, restored_at: who is at it, by what
--                       it knew, and when it last asked
-- {board}:values  hash  key -> "version expires_us value"; expires_us is 0 for never
-- {board}:order   zset  key by version, of what is there and of what is gone
-- {board}:expiry  zset  key by expires_us
-- {board}:gone    zset  key by version, of what is gone only
-- {board}:back    zset  key by what the node that put it back knew, of what was not written since
--
-- Versions are microseconds of this server's clock, made to grow by at least one: so they also tell how
-- old they are, and are exact in a double (until the year 2255).

local BOARD = KEYS[1]
local VALUES, ORDER = BOARD .. ':values', BOARD .. ':order'
local EXPIRY, GONE, BACK = BOARD .. ':expiry', BOARD .. ':gone', BOARD .. ':back'
local SWEEP_MAX = 100  -- what one write tidies up, so that it stays short

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]

local function whole_number(number)
  return string.format('%.0f', number)
end

local function next_version()
  local version = math.max(now_us, (tonumber(redis.call('HGET', BOARD, 'version')) or 0) + 1)
  redis.call('HSET', BOARD, 'version', whole_number(version))
  return whole_number(version)
end

-- What is left without its first key, evicted say, cannot be told from what was: begin anew.
local function begin_life()
  if redis.call('HSETNX', BOARD, 'memory', whole_number(now_us)) == 1 then
    redis.call('UNLINK', VALUES, ORDER, EXPIRY, GONE, BACK)
  end
end

-- Under `version`: of the removal, or of the last write of what expired, for who saw that knew when.
local function remove(key, version)
  redis.call('HDEL', VALUES, key)
  redis.call('ZREM', EXPIRY, key)
  redis.call('ZREM', BACK, key)
  redis.call('ZADD', ORDER, version, key)
  redis.call('ZADD', GONE, version, key)
end

-- Let expired values go, and in the end the memory that there was anything.
local function tidy(gone_kept_us, gone_max)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now_us, 'LIMIT', 0, SWEEP_MAX)) do
    remove(key, redis.call('ZSCORE', ORDER, key))
  end
  local surplus = redis.call('ZCARD', GONE) - gone_max
  local oldest = redis.call('ZRANGE', GONE, 0, 2 * SWEEP_MAX - 1, 'WITHSCORES')
  for i = 1, #oldest, 2 do
    local version = tonumber(oldest[i + 1])
    if version > now_us - gone_kept_us and surplus <= 0 then
      break
    end
    redis.call('ZREM', GONE, oldest[i])
    redis.call('ZREM', ORDER, oldest[i])
    if version > (tonumber(redis.call('HGET', BOARD, 'forgotten')) or 0) then
      redis.call('HSET', BOARD, 'forgotten', whole_number(version))
      redis.call('UNLINK', BACK)
    end
    surplus = surplus - 1
  end
end

local function no_room(key, entries_max)
  return redis.call('HEXISTS', VALUES, key) == 0 and redis.call('HLEN', VALUES) >= tonumber(entries_max)
end

local function put(key, value, ttl_us)
  local version, expires_us = next_version(), '0'
  if tonumber(ttl_us) >= 0 then
    expires_us = whole_number(now_us + tonumber(ttl_us))
    redis.call('ZADD', EXPIRY, expires_us, key)
  else
    redis.call('ZREM', EXPIRY, key)
  end
  redis.call('HSET', VALUES, key, version .. ' ' .. expires_us .. ' ' .. value)
  redis.call('ZADD', ORDER, version, key)
  redis.call('ZREM', GONE, key)
  redis.call('ZREM', BACK, key)
  return version
end

-- Whether the key holds this value, until then give or take a second: nodes that restore agree on that.
local function holds(key, value, ttl_us)
  local _, _, expires_us, held = string.find(redis.call('HGET', VALUES, key) or '', '^%d+ (%d+) (.*)$')
  local wanted_us = tonumber(ttl_us) < 0 and 0 or now_us + tonumber(ttl_us)
  return held == value and math.abs(tonumber(expires_us) - wanted_us) < 1000000
end

-- Unless somebody else had a word on the key, or put back a later one; false when the board is full.
local function put_back(key, knew, ttl_us, value, entries_max)
  local before = redis.call('ZSCORE', BACK, key)
  if before and tonumber(before) >= tonumber(knew) then
    return true
  end
  if not before and (redis.call('HEXISTS', VALUES, key) == 1 or redis.call('ZSCORE', GONE, key)) then
    return true
  end
  if no_room(key, entries_max) then
    return false
  end
  if not holds(key, value, ttl_us) then
    put(key, value, ttl_us)
  end
  redis.call('ZADD', BACK, knew, key)
  return true
end

local doing = {}

-- key, value, ttl_us (negative for none), entries_max, gone_kept_us, gone_max -> version, or nil when full
function doing.write(key, value, ttl_us, entries_max, gone_kept_us, gone_max)
  begin_life()
  tidy(tonumber(gone_kept_us), tonumber(gone_max))
  if no_room(key, entries_max) then
    return false
  end
  return put(key, value, ttl_us)
end

-- key, gone_kept_us, gone_max -> nil
function doing.delete(key, gone_kept_us, gone_max)
  begin_life()
  if redis.call('HEXISTS', VALUES, key) == 1 or not redis.call('ZSCORE', GONE, key) then
    remove(key, next_version())
  end
  tidy(tonumber(gone_kept_us), tonumber(gone_max))
end

-- Which life of which server answers. Its replication id changes with every restart and every failover,
-- either of which may have lost the last writes. Where INFO is not allowed the board's own life must do.
local function memory_of(life)
  local info = redis.pcall('INFO', 'replication')
  local server = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
  return server .. ':' .. (life or '')
end

-- Whether the board of the mark was another life. An empty one has none yet (false): two are not the same.
local function is_lost(memory, life)
  local before = string.match(memory, ':(%d*)$')
  return before ~= nil and before ~= life
end

-- memory, version: of the mark; more: 1 when it goes on with an answer; entries_max, bytes_max: of a page
-- -> memory, version: of the new mark; whole, more, lost: 0 or 1; now_us; key, value or nil, ...
function doing.changes(memory, since, more, entries_max, bytes_max)
  local life = redis.call('HMGET', BOARD, 'memory', 'version', 'forgotten')
  local here, version = memory_of(life[1]), life[2] or '0'
  local whole = memory ~= here or tonumber(since) > tonumber(version)
    or (more == '0' and tonumber(since) < tonumber(life[3] or 0))
  if not whole and since == version then
    return {here, version, 0, 0, 0, whole_number(now_us), {}}
  end
  local after = whole and '-inf' or '(' .. since
  local found = redis.call('ZRANGEBYSCORE', ORDER, after, '+inf', 'WITHSCORES', 'LIMIT', 0, entries_max)
  local answer, bytes, last = {}, 0, 0
  while last < #found and bytes < tonumber(bytes_max) do
    local value = redis.call('HGET', VALUES, found[last + 1])
    answer[last + 1], answer[last + 2] = found[last + 1], value
    bytes = bytes + (value and #value or 0)
    last = last + 2
  end
  local rest = 0
  if last > 0 and tonumber(found[last]) < tonumber(version) and (last < #found or last == 2 * entries_max) then
    rest, version = 1, whole_number(tonumber(found[last]))
  end
  local lost = memory ~= here and is_lost(memory, life[1]) and 1 or 0
  return {here, version, whole and 1 or 0, rest, lost, whole_number(now_us), answer}
end

-- memory: of the mark; known: version of the node's last look before the loss; last: 1 with its last words;
-- silent_us; entries_max, gone_kept_us, gone_max; key, knew, ttl_us, value, key, ...
-- -> go-on, wait or done, or nil when full
function doing.restore(memory, known, last, silent_us, entries_max, gone_kept_us, gone_max, ...)
  begin_life()
  tidy(tonumber(gone_kept_us), tonumber(gone_max))
  local life = redis.call('HMGET', BOARD, 'memory', 'forgotten', 'restored', 'restorer', 'restored_at')
  if memory ~= memory_of(life[1]) then
    return 'wait'
  end
  if life[2] or tonumber(known) <= tonumber(life[3] or -1) then
    return 'done'
  end
  local words = {...}
  local begins = #words == 0 and last == '0'  -- who is at it already is not kept by one that knows the same
  local rival = tonumber(life[4] or -1)
  if tonumber(known) < rival + (begins and 1 or 0) and now_us - (life[5] or 0) < tonumber(silent_us) then
    return 'wait'
  end
  redis.call('HSET', BOARD, 'restorer', known, 'restored_at', whole_number(now_us))
  for i = 1, #words, 4 do
    if not put_back(words[i], words[i + 1], words[i + 2], words[i + 3], entries_max) then
      return false
    end
  end
  if last == '0' then
    return 'go-on'
  end
  local unknown = redis.call('ZRANGEBYSCORE', BACK, '-inf', '(' .. known, 'LIMIT', 0, SWEEP_MAX)
  for _, key in ipairs(unknown) do
    remove(key, next_version())
  end
  if #unknown == SWEEP_MAX then
    return 'go-on'
  end
  redis.call('HSET', BOARD, 'restored', known)
  return 'done'
end

return doing[ARGV[1]](unpack(ARGV, 2))
