-- Heartbeats of many sessions, one after the other. Argument: a file with `<session> <token>` lines.

dofile("report.lua")

local requests, last = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local session, token = line:match("^(%S+) (%S+)$")
    local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Length"] = "0" }
    requests[#requests + 1] = wrk.format("POST", "/v1/sessions/" .. session .. "/heartbeat", headers)
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  report(summary, latency)
end
