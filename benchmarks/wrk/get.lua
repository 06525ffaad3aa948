-- One document of many sessions, one after the other. Argument: a file with a path a line.

dofile("report.lua")
dofile("turns.lua")

function init(args)
  for path in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", path) end
end

function done(summary, latency)
  report(summary, latency)
end
