-- Viewers who arrive: log in, look at the calendar, start a session, fetch its playlist; each with an
-- account and a device of their own. Argument: a prefix for the accounts' names.
--
-- wrk has one script for all connections, so the next step of whoever was just answered goes to a queue,
-- and the connection that is free next takes it from there.

dofile("report.lua")

local JSON = { ["Content-Type"] = "application/json" }
local queue, first, past = {}, 1, 1
local access_tokens = {}
local prefix, accounts = "", 0
local threads = {}
arrivals = 0

local function push(step)
  queue[past], past = step, past + 1
end

local function pop()
  local step = queue[first]
  queue[first], first = nil, first + 1
  return step
end

local function login()
  accounts = accounts + 1
  return wrk.format("POST", "/v1/dev/login", JSON, ('{"account":"%s-%d"}'):format(prefix, accounts))
end

local function start(access_token)
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. access_token }
  local body = ('{"event":"wc2026-final","device":{"id":"%s-device","kind":"tv"}}'):format(prefix)
  return wrk.format("POST", "/v1/sessions", headers, body)
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  prefix = args[1]
end

function request()
  if first < past then
    return pop()
  end
  return login()
end

function response(status, _, body)
  if status == 201 then
    push(wrk.format("GET", "/v1/playback/" .. body:match('"token":"([^"]+)"') .. "/master.m3u8"))
  elseif body:sub(1, 7) == "#EXTM3U" then
    arrivals = arrivals + 1
  elseif body:sub(1, 10) == '{"events":' then
    push(start(table.remove(access_tokens)))
  else
    access_tokens[#access_tokens + 1] = body:match('"access_token":"([^"]+)"')
    push(wrk.format("GET", "/v1/events"))
  end
end

function done(summary, latency)
  local all = 0
  for _, thread in ipairs(threads) do
    all = all + thread:get("arrivals")
  end
  report(summary, latency, all)
end
