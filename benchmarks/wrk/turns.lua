-- Requests one after the other, again and again: `init` fills them.

requests = {}

local last = 0

function request()
  last = last % #requests + 1
  return requests[last]
end
