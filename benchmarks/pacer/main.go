// Command pacer starts sessions at a constant rate, whatever the answers do: an open model. A latency
// counts from the time at which a request was due, so one that had to wait for its turn counts as slow.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sort"
	"strings"
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
}

// viewer is a line of the file: `access-token event device`.
type viewer struct{ token, event, device string }

// outcome of one request: how long after it was due it was sent, and answered.
type outcome struct {
	late, took time.Duration
	refused    string
	broken     string
}

func main() {
	url := flag.String("url", "", "where sessions are started")
	file := flag.String("viewers", "", "a file of `access-token event device` lines, one for each start")
	rate := flag.Float64("rate", 100, "starts each second")
	flag.Parse()
	viewers, err := readViewers(*file)
	if err != nil {
		log.Fatal(err)
	}
	began := time.Now()
	outcomes, dropped := run(*url+"/v1/sessions", viewers, *rate, began)
	report := summary(outcomes, dropped)
	report.DurationUS = time.Since(began).Microseconds()
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		log.Fatal(err)
	}
}

func readViewers(path string) ([]viewer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var viewers []viewer
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		fields := strings.Fields(scanner.Text())
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %d has %d fields", len(viewers)+1, len(fields))
		}
		viewers = append(viewers, viewer{fields[0], fields[1], fields[2]})
	}
	return viewers, nil
}

func run(url string, viewers []viewer, rate float64, began time.Time) ([]outcome, int) {
	client := &http.Client{
		Timeout: requestMax,
		Transport: &http.Transport{
			MaxIdleConns: inFlightMax, MaxIdleConnsPerHost: inFlightMax, DisableCompression: true,
		},
	}
	outcomes := make([]outcome, len(viewers))
	slots := make(chan struct{}, inFlightMax)
	dropped := 0
	var waiting sync.WaitGroup
	for n, one := range viewers {
		due := began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		time.Sleep(time.Until(due))
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
			outcomes[n] = start(client, url, one, due)
			<-slots
		}()
	}
	waiting.Wait()
	return outcomes, dropped
}

func start(client *http.Client, url string, one viewer, due time.Time) outcome {
	late := time.Since(due)
	body := fmt.Sprintf(`{"event":%q,"device":{"id":%q,"kind":"tv"}}`, one.event, one.device)
	request, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		return outcome{broken: err.Error()}
	}
	request.Header.Set("Authorization", "Bearer "+one.token)
	request.Header.Set("Content-Type", "application/json")
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
	case answer.StatusCode != http.StatusCreated:
		return outcome{refused: fmt.Sprintf("%d %.300s", answer.StatusCode, text)}
	}
	return outcome{late: late, took: took}
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
