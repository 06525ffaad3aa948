-- The reference mix. Each viewer starts a session, reads the playlist, sends 15 heartbeats, reads the
-- playlist again, sends 15 more and ends it; a start follows each end. Viewers take turns; the first are in
-- the store before, each at a step of its own, so that the mix is whole from the first request on. Every third heartbeat is that of a session whose lease is half over and was in the
-- store before, for the viewers' own leases have just begun.
--
-- Arguments: a file with `<access token> <event> <device>` lines, a file with `<session> <token>` lines of
-- the first viewers, one of leases that are half over, and milliseconds that each connection waits between requests (0: none).

dofile("report.lua")

local BEATS, DUE_EVERY = 30, 3
local LAST = BEATS + 3 -- steps after the start: a playlist at 1 and 17, the end last
local starts, due = {}, {}
local next_start, next_due = 0, 0
local ring, first, past, ended = {}, 1, 1, 0

local function join(session, token, step)
  ring[past], past = { session = session, token = token, step = step }, past + 1
end

local function post(path, authorization, body)
  local headers = { ["Authorization"] = authorization, ["Content-Length"] = "0" }
  if body then
    headers = { ["Authorization"] = authorization, ["Content-Type"] = "application/json" }
  end
  return wrk.format("POST", path, headers, body)
end

local function start()
  next_start, ended = next_start % #starts + 1, ended - 1
  return starts[next_start]
end

local function due_beat()
  next_due = next_due % #due + 1
  return due[next_due]
end

local function step_of(viewer)
  viewer.step = viewer.step + 1
  if viewer.step == 1 or viewer.step == 17 then
    return wrk.format("GET", "/v1/playback/" .. viewer.token .. "/master.m3u8")
  elseif viewer.step == LAST then
    ended = ended + 1
    local headers = { ["Authorization"] = "Bearer " .. viewer.token }
    return wrk.format("DELETE", "/v1/sessions/" .. viewer.session, headers)
  end
  local beat = viewer.step - (viewer.step < 17 and 1 or 2)
  if beat % DUE_EVERY == 0 then
    return due_beat()
  end
  return post("/v1/sessions/" .. viewer.session .. "/heartbeat", "Bearer " .. viewer.token)
end

function init(args)
  for line in io.lines(args[1]) do
    local token, event, device = line:match("^(%S+) (%S+) (%S+)$")
    local body = ('{"event":"%s","device":{"id":"%s","kind":"tv"}}'):format(event, device)
    starts[#starts + 1] = post("/v1/sessions", "Bearer " .. token, body)
  end
  local viewers = {}
  for line in io.lines(args[2]) do
    local session, token = line:match("^(%S+) (%S+)$")
    viewers[#viewers + 1] = { session, token }
  end
  for n, viewer in ipairs(viewers) do
    join(viewer[1], viewer[2], math.floor((n - 1) * LAST / #viewers))
  end
  for line in io.lines(args[3]) do
    local session, token = line:match("^(%S+) (%S+)$")
    due[#due + 1] = post("/v1/sessions/" .. session .. "/heartbeat", "Bearer " .. token)
  end
  local wait_ms = tonumber(args[4])
  if wait_ms > 0 then
    function delay()
      return wait_ms
    end
  end
end

function request()
  if ended > 0 or first == past then
    return start()
  end
  local viewer = ring[first]
  ring[first], first = nil, first + 1
  local request = step_of(viewer)
  if viewer.step < LAST then
    ring[past], past = viewer, past + 1
  end
  return request
end

function response(status, _, body)
  if status == 201 then
    join(body:match('"session":"([^"]+)"'), body:match('"token":"([^"]+)"'), 0)
  end
end

function done(summary, latency)
  report(summary, latency)
end
