-- wrk script: posts one chat request over and over, and reports in a form for programs.
-- Arguments after `--`: the path and the body.

function init(arguments)
  wrk.method = "POST"
  wrk.path = arguments[1]
  wrk.body = arguments[2]
  wrk.headers["Content-Type"] = "application/json"
end

-- Times are in microseconds.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nresult: {"requests": %d, "seconds": %.6f, "p50_us": %.1f, "p99_us": %.1f, "max_us": %.1f, "mean_us": %.2f, ' ..
    '"error_statuses": %d, "socket_errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.max, latency.mean,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
