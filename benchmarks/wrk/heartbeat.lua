-- Heartbeats of many sessions, one after the other. Argument: a file with `<session> <token>` lines.

dofile("report.lua")
dofile("turns.lua")

function init(args)
  for line in io.lines(args[1]) do
    local session, token = line:match("^(%S+) (%S+)$")
    local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Length"] = "0" }
    requests[#requests + 1] = wrk.format("POST", "/v1/sessions/" .. session .. "/heartbeat", headers)
  end
end

function done(summary, latency)
  report(summary, latency)
end
