// Command pacer sends requests at times that were set before, whatever the answers do: an open model. A latency
// counts from the time at which a request was due, so one that had to wait for its turn counts as slow.
//
// It starts sessions (-viewers), at a constant rate, or asks for documents (-asks): at a constant rate too, or
// with -spread all of them within so many seconds, each at a moment drawn by lot.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"sort"
	"sync"
	"syscall"
	"time"
)

const (
	// inFlightMax is how many requests wait for an answer at once; what is due then is dropped, and counted.
	inFlightMax = 4_000
	requestMax  = 10 * time.Second
)

// found is what is printed.
type found struct {
	Requests   int     `json:"requests"`
	DurationUS int64   `json:"duration_us"`
	P50US      int64   `json:"p50_us"`
	P99US      int64   `json:"p99_us"`
	MaxUS      int64   `json:"max_us"`
	LateUS     int64   `json:"late_p99_us"`
	Refused    int     `json:"refused"`
	Broken     int     `json:"broken"`
	Dropped    int     `json:"dropped"`
	CPUs       float64 `json:"cpu_s"`
	FirstError string  `json:"first_error"`
	Pods       *pods   `json:"pods,omitempty"`
}

// request is what one viewer asks.
type request struct {
	method, path, body string
	headers            map[string]string
}

// outcome of one request: how long after it was due it was sent, and answered.
type outcome struct {
	late, took time.Duration
	body       []byte
	refused    string
	broken     string
}

func main() {
	url := flag.String("url", "", "the viewers' port")
	viewers := flag.String("viewers", "", "a file of `access-token event device` lines, one for each start")
	asks := flag.String("asks", "", "a file of `METHOD path` lines, one for each request")
	rate := flag.Float64("rate", 100, "requests each second")
	spread := flag.Duration("spread", 0, "all requests within that time, at moments drawn by lot")
	length := flag.Float64("length", 0, "seconds that asset lists have to fill; 0 for other answers")
	deadline := flag.Duration("deadline", time.Second, "until when an asset list is in time")
	flag.Parse()
	requests, err := read(*viewers, *asks)
	if err != nil {
		log.Fatal(err)
	}
	due := steady(len(requests), *rate)
	if *spread > 0 {
		due = drawn(len(requests), *spread)
	}
	began := time.Now()
	outcomes, dropped := run(*url, requests, due, *length > 0)
	report := summary(outcomes, dropped)
	report.DurationUS = time.Since(began).Microseconds()
	if *length > 0 {
		report.Pods = judged(outcomes, *length, *deadline)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		log.Fatal(err)
	}
}

func steady(count int, rate float64) []time.Duration {
	due := make([]time.Duration, count)
	for n := range due {
		due[n] = time.Duration(float64(n) / rate * float64(time.Second))
	}
	return due
}

func drawn(count int, spread time.Duration) []time.Duration {
	due := make([]time.Duration, count)
	for n := range due {
		due[n] = time.Duration(rand.Int64N(int64(spread)))
	}
	sort.Slice(due, func(i, j int) bool { return due[i] < due[j] })
	return due
}

func run(url string, requests []request, due []time.Duration, keep bool) ([]outcome, int) {
	client := &http.Client{
		Timeout: requestMax,
		Transport: &http.Transport{
			MaxIdleConns: inFlightMax, MaxIdleConnsPerHost: inFlightMax, DisableCompression: true,
		},
	}
	outcomes := make([]outcome, len(requests))
	slots := make(chan struct{}, inFlightMax)
	dropped := 0
	began := time.Now()
	var waiting sync.WaitGroup
	for n, one := range requests {
		at := began.Add(due[n])
		time.Sleep(time.Until(at))
		select {
		case slots <- struct{}{}:
		default:
			dropped++
			outcomes[n].broken = "too many wait for an answer"
			continue
		}
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			outcomes[n] = send(client, url, one, at, keep)
			<-slots
		}()
	}
	waiting.Wait()
	return outcomes, dropped
}

func send(client *http.Client, url string, one request, due time.Time, keep bool) outcome {
	late := time.Since(due)
	request, err := one.made(url)
	if err != nil {
		return outcome{broken: err.Error()}
	}
	answer, err := client.Do(request)
	if err != nil {
		return outcome{broken: err.Error()}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	took := time.Since(due)
	switch {
	case err != nil:
		return outcome{broken: err.Error()}
	case answer.StatusCode >= 300:
		return outcome{refused: answer.Status + " " + string(text[:min(len(text), 300)])}
	case !keep:
		text = nil
	}
	return outcome{late: late, took: took, body: text}
}

func summary(outcomes []outcome, dropped int) found {
	report := found{Requests: len(outcomes), Dropped: dropped}
	var took, late []time.Duration
	for _, one := range outcomes {
		switch {
		case one.broken != "":
			report.Broken++
		case one.refused != "":
			report.Refused++
		default:
			took, late = append(took, one.took), append(late, one.late)
		}
		if report.FirstError == "" {
			report.FirstError = one.broken + one.refused
		}
	}
	report.P50US, report.P99US, report.MaxUS = at(took, 0.5), at(took, 0.99), at(took, 1)
	report.LateUS = at(late, 0.99)
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil {
		report.CPUs = time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
	}
	return report
}

func at(all []time.Duration, share float64) int64 {
	if len(all) == 0 {
		return 0
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return all[min(len(all)-1, int(share*float64(len(all))))].Microseconds()
}
