-- What wrk found, as one line of JSON on standard output; latencies in microseconds.

local LINE = '{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d,"operations":%d}\n'

-- operations: how many whole operations were done, where one is more than a request.
function report(summary, latency, operations)
  local errors = summary.errors
  io.write(LINE:format(
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    operations or summary.requests
  ))
end
