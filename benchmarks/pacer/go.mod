module tifo.dev/benchmarks/pacer

go 1.24
