module tifo.dev/benchmarks/heartbeat

go 1.23
