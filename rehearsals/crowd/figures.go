package main

import (
	"encoding/json"
	"sort"
	"strconv"
	"sync"
	"time"
)

// figures counts and times; the document has the fields that rehearsals/k6/figures.ts writes.
type figures struct {
	mutex    sync.Mutex
	counts   map[string]int
	answered map[string]int
	times    map[string][]float32
}

func newFigures() *figures {
	return &figures{counts: map[string]int{}, answered: map[string]int{}, times: map[string][]float32{}}
}

func (f *figures) count(name string) {
	f.mutex.Lock()
	f.counts[name]++
	f.mutex.Unlock()
}

func (f *figures) took(name string, duration time.Duration) {
	f.mutex.Lock()
	f.times[name] = append(f.times[name], float32(duration.Seconds()*1000))
	f.mutex.Unlock()
}

// asked counts one request, and its answer where it was no success.
func (f *figures) asked(got answer) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.counts["requests"]++
	switch {
	case got.status == 0:
		f.answered["none"]++
	case got.status >= 500:
		f.answered["5xx"]++
	case got.status >= 300:
		f.answered[strconv.Itoa(got.status)]++
	}
}

func (f *figures) document() []byte {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	said := map[string]any{"answered": f.answered}
	for name, count := range f.counts {
		said[name] = count
	}
	for name, times := range f.times {
		sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
		at := func(share float64) float32 { return times[int(share*float64(len(times)-1))] }
		said[name] = map[string]any{"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1), "count": len(times)}
	}
	text, _ := json.Marshal(said)
	return text
}

func sortFloats(values []float64) { sort.Float64s(values) }
