-- POSTs of bodies, one after the other. Arguments: a file with bodies that end in a line of `.`, the path, the
-- media type, and how many operations each is.

dofile("report.lua")
dofile("turns.lua")

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  operations_each = tonumber(args[4])
  local headers, lines = { ["Content-Type"] = args[3] }, {}
  for line in io.lines(args[1]) do
    if line == "." then
      requests[#requests + 1] = wrk.format("POST", args[2], headers, table.concat(lines, "\n"))
      lines = {}
    else
      lines[#lines + 1] = line
    end
  end
end

function done(summary, latency)
  report(summary, latency, summary.requests * threads[1]:get("operations_each"))
end
