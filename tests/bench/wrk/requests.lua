-- Sends requests drawn from a file, and prints what became of them as one line of JSON.
--
-- A line of the file: method, path, Authorization, Accept and body, between tabs.

local prepared = {}

local function fields(line)
   local found = {}
   for field in (line .. "\t"):gmatch("([^\t]*)\t") do
      found[#found + 1] = field
   end
   return found
end

function init(arguments)
   -- The same draw every time: a run is to be compared with the one before.
   math.randomseed(1)
   for line in io.lines(arguments[1]) do
      local method, path, authorization, accept, body = unpack(fields(line))
      local headers = { ["Host"] = wrk.headers["Host"] }
      if authorization ~= "" then headers["Authorization"] = authorization end
      if accept ~= "" then headers["Accept"] = accept end
      if body ~= "" then headers["Content-Type"] = "application/json" end
      prepared[#prepared + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
   end
end

function request()
   return prepared[math.random(#prepared)]
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      'RESULT {"requests": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, '
         .. '"bytes": %d, "failed": %d}\n',
      summary.requests, summary.duration / 1e6,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, summary.bytes,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
