// Crowd sends what the scenarios of rehearsals send, from the same plan, for a tenth of the processor time: a
// generator for a machine that has to carry the platform as well. It speaks HTTP/1.1.
//
//	tifo rehearse sessions --generator rehearsals/.build/crowd
//
// Arguments: PLAN TOKENS FOUND, three files; TOKENS is "-" where viewers log in by themselves.
package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"
)

// Plan is what `tifo rehearse` asks for; rehearsals/k6/plan.ts says what each field means.
type Plan struct {
	Scenario        string             `json:"scenario"`
	Target          string             `json:"target"`
	Event           string             `json:"event"`
	Prefix          string             `json:"prefix"`
	Login           bool               `json:"login"`
	ArrivalsPerS    []int              `json:"arrivals_per_s"`
	Goals           []Goal             `json:"goals"`
	Spikes          []Spike            `json:"spikes"`
	PlateauAtS      float64            `json:"plateau_at_s"`
	WhistleAtS      float64            `json:"whistle_at_s"`
	WhistleS        float64            `json:"whistle_s"`
	SilentShare     float64            `json:"silent_share"`
	Without         []string           `json:"without"`
	Shares          map[string]float64 `json:"shares"`
	OpenRequestsMax int64              `json:"open_requests_max"`
	RequestSMax     float64            `json:"request_s_max"`
	PodSMax         float64            `json:"pod_s_max"`
}

// Goal is a burst of reloads.
type Goal struct {
	AtS         float64 `json:"at_s"`
	ReloadShare float64 `json:"reload_share"`
	WithinS     float64 `json:"within_s"`
}

// Spike is a break that all ask for.
type Spike struct {
	AtS     float64 `json:"at_s"`
	SpreadS float64 `json:"spread_s"`
	LengthS float64 `json:"length_s"`
	Break   string  `json:"brk"`
}

func (p *Plan) leavesOut(call string) bool {
	for _, one := range p.Without {
		if one == call {
			return true
		}
	}
	return false
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(files []string) error {
	if len(files) != 3 {
		return fmt.Errorf("usage: crowd PLAN TOKENS FOUND")
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	var plan Plan
	if err := json.Unmarshal(text, &plan); err != nil {
		return fmt.Errorf("%s: %w", files[0], err)
	}
	plays, known := scenarios[plan.Scenario]
	if !known {
		return fmt.Errorf("%s: this generator has no scenario %q", files[0], plan.Scenario)
	}
	tokens, err := readTokens(files[1])
	if err != nil {
		return err
	}
	// Opened now: a platform that stands still may cost every descriptor there is, and that is to be told.
	found, err := os.OpenFile(files[2], os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer found.Close()
	clients := newClients(seconds(plan.RequestSMax))
	client, err := clients.of(plan.Target)
	if err != nil {
		return err
	}
	world := &world{plan: &plan, plays: plays, client: client, clients: clients, figures: newFigures(), began: time.Now()}
	world.arrivals(tokens)
	world.wait()
	_, err = found.Write(world.figures.document())
	return err
}

func readTokens(file string) ([]string, error) {
	if file == "-" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	return strings.Fields(string(text)), err
}

// arrivals lets every viewer come at a moment of their own within their second, whatever the answers.
func (w *world) arrivals(tokens []string) {
	number := 0
	for second, count := range w.plan.ArrivalsPerS {
		due := make([]float64, count)
		for n := range due {
			due[n] = float64(second) + rand.Float64()
		}
		sortFloats(due)
		for _, at := range due {
			w.sleepUntil(at)
			token := ""
			if number < len(tokens) {
				token = tokens[number]
			}
			w.arrive(number, token, at)
			number++
		}
	}
}

func (w *world) arrive(number int, token string, due float64) {
	w.late(due)
	if w.full() {
		w.figures.count("unmade")
		return
	}
	w.figures.count("arrivals")
	viewer := &viewer{world: w, number: number, account: fmt.Sprintf("%s-%d", w.plan.Prefix, number), access: token}
	viewer.leavesAt = w.plan.WhistleAtS + rand.Float64()*w.plan.WhistleS
	w.watching.Add(1)
	go viewer.watch()
}

// wait returns when all have left, or when the plan is long over.
func (w *world) wait() {
	left := make(chan struct{})
	go func() { w.watching.Wait(); close(left) }()
	select {
	case <-left:
	case <-time.After(seconds(w.plan.WhistleAtS + w.plan.WhistleS + w.plan.RequestSMax - w.now())):
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
